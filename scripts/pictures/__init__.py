"""The pictures of docs/, by subject: questions, presence, and visibility."""
