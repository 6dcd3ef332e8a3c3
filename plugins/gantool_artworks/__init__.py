"""The dataset `artworks`: "Best Artworks of All Time" from Kaggle, or a generated sample."""
