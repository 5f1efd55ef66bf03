"""It reads the document of each page. The page's JSON is the same document."""
