"""Images: from files and zips to arrays of one size."""
