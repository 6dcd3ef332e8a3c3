"""Pictures and scores of a trained generator."""
