"""The dataset `folder`: any tree of images."""
