"""From COCO and LVIS annotations to contrast data sets: sources -> index -> plan -> render -> release."""
