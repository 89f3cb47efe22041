"""How the API is asked: session, token, quota, retries, errors, pages."""
