"""What a person or CI reads of a run: terminal, HTML, JUnit, annotations, progress."""
