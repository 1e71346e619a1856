"""Writers take turns in the order of asking."""

import threading

import pytest

from config.base.errors import Unavailable
from storage.database.turns import Turns
from tests.support.edge import wait_for


def test_first_come_first_served_and_one_at_a_time() -> None:
    turns, order, inside = Turns(10), [], []

    def write(number: int) -> None:
        with turns.mine():
            inside.append(number)
            assert len(inside) == 1
            order.append(number)
            inside.remove(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(5)]
    with turns.mine():
        for number, thread in enumerate(threads):
            thread.start()
            wait_for("its place in line", lambda number=number: len(turns._waiting) == number + 1)
    for thread in threads:
        thread.join()
    assert order == list(range(5))
    with turns.mine():
        pass


def test_a_turn_that_does_not_come_is_given_up_and_blocks_nobody() -> None:
    turns = Turns(0.05)
    with turns.mine(), pytest.raises(Unavailable), turns.mine():
        pass
    with turns.mine():
        pass


def test_a_fault_within_gives_the_turn_back() -> None:
    turns = Turns(1)
    with pytest.raises(ZeroDivisionError), turns.mine():
        raise ZeroDivisionError
    with turns.mine():
        pass
