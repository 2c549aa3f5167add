"""What happened: the journal of exchanges, without secrets; searched, followed live, explained."""
