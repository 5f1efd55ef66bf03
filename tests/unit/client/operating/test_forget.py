"""The text of a receipt."""

from darkroom_client.operating.erasing.receipt import Receipt


def test_a_receipt_counts_by_kind_and_tells_each_thing_that_stays_once() -> None:
    said: list[str] = []
    receipt = Receipt("photos/cat", said.append)
    receipt.erased("turns", "its turns in the table", 2)
    receipt.erased("versions of uploads", "s3://uploads/a.jpg", 1)
    receipt.erased("versions of uploads", "s3://uploads/b.jpg", 3)
    receipt.erased("raw answers", "s3://spool/x", 0)
    for _ in range(2):
        receipt.left("s3://uploads/logo.png", "the thread other needs it too")
    assert said == [
        "erased  its turns in the table (2)",
        "erased  s3://uploads/a.jpg",
        "erased  s3://uploads/b.jpg (3)",
        "kept    s3://uploads/logo.png: the thread other needs it too",
    ]
    told = list(receipt.sum())
    assert told[:3] == [
        "Erased of photos/cat: 2 turns, 4 versions of uploads.", "Kept: 1, each told above.", "Out of reach:",
    ]  # fmt: skip
