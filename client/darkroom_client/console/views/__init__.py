"""It reads what each page shows, as one document, which is its JSON as well."""
