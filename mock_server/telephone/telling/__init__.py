"""What an application is told and asked of calls: which event, where it goes, signed, and delivered."""
