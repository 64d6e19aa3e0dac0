"""The page: a running training or saved runs, in the browser and as one file."""
