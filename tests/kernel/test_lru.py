"""What was used last is kept, within its bytes."""

from fedi_cluster.kernel.lru import ByteLru, bytes_in_all, remembered


def test_it_stays_within_its_bytes_and_forgets_the_oldest_first() -> None:
    kept: ByteLru[int, str] = ByteLru(20_000)
    for number in range(100):
        kept.put(number, "x", 1_000)
        assert kept.get(0) == "x"
        assert kept.bytes <= 20_000
    assert len(kept) == 13
    assert kept.get(99) == "x"
    assert kept.get(50) is None


def test_a_new_value_takes_the_place_of_the_old_one() -> None:
    kept: ByteLru[str, int] = ByteLru(20_000)
    kept.put("a", 1, 100)
    before = kept.bytes
    kept.put("a", 2, 100)
    assert (kept.get("a"), kept.bytes, len(kept)) == (2, before, 1)


def test_what_would_fill_it_alone_is_not_kept() -> None:
    kept: ByteLru[str, int] = ByteLru(20_000)
    kept.put("small", 1, 100)
    kept.put("large", 2, 3_000)
    assert (kept.get("large"), kept.get("small")) == (None, 1)
    kept.put("small", 3, 3_000)
    assert kept.get("small") is None, "the old value would be given for the new one"


def test_results_of_a_function_count_among_what_is_kept() -> None:
    @remembered(3, each=1_000)
    def twice(number: int) -> int:
        asked.append(number)
        return 2 * number

    asked: list[int] = []
    before = bytes_in_all()
    assert [twice(number) for number in (1, 2, 2, 1)] == [2, 4, 4, 2]
    assert bytes_in_all() - before == 2_000
    for number in range(10):
        twice(number)
    assert bytes_in_all() - before == 3_000
    assert asked == [1, 2, 0, *range(3, 10)]
