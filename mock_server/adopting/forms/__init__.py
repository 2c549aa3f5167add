"""What the schemas of a file allow and show: merged, freed of circles, narrowed, and a sample of each."""
