"""Rules about gradients, learning rates and the loss."""
