"""An identity and security-token service that every AWS SDK already knows how to talk to."""
