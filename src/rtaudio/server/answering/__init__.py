"""From a request to a response, its text and its sound."""
