"""From a document to the mathematics in it: where it stands, what it says, what it means."""
