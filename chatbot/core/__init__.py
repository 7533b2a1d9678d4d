"""What every room needs: settings, errors, logging, waiting. Knows nothing of chats or providers."""
