"""Names of categories, and relations between categories.

A concept is a WordNet synset ("dog.n.01"), or "name:..." for a custom category that is not in the vocabulary table.
"""

from cgc_data.vocabulary.concepts import COCO_NAMES, concept_of, concepts_of, supercategory_of
from cgc_data.vocabulary.confusable import COCO_PRACTICE, Relation, Relations, load_relations
from cgc_data.vocabulary.names import Name, names_of, readable

__all__ = [
    "COCO_NAMES",
    "COCO_PRACTICE",
    "Name",
    "Relation",
    "Relations",
    "concept_of",
    "concepts_of",
    "load_relations",
    "names_of",
    "readable",
    "supercategory_of",
]
