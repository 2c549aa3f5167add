"""A relay between applications and one endpoint: exchanges pass unchanged, and are told when they are over."""
