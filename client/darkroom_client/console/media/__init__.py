"""It serves pictures to the page: thumbnails, made once and kept on disk, and the pictures themselves."""
