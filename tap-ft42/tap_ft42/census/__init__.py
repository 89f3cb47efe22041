"""What has disappeared: what is known of a list, compared with what the API counts."""
