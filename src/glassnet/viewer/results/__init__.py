"""What a trained network does with data: scores, mistakes, boundaries, embeddings, samples; as values for JSON."""
