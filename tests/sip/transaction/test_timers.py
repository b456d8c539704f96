"""Timer values and the timer heap."""

import random

from sip.transaction.timers import TimerHeap, TimerValues


class TestTimerValues:
    def test_defaults_are_those_of_rfc_3261_table_4(self) -> None:
        values = TimerValues()
        assert (values.timer_a_s, values.timer_b_s) == (0.5, 32.0)
        assert values.timer_c_s > 180
        assert values.timer_d_s == 32.0
        assert (values.timer_e_s, values.timer_f_s) == (0.5, 32.0)
        assert (values.timer_g_s, values.timer_h_s) == (0.5, 32.0)
        assert (values.timer_i_s, values.timer_j_s, values.timer_k_s) == (5.0, 32.0, 5.0)
        assert (values.timer_l_s, values.timer_m_s) == (32.0, 32.0)

    def test_everything_follows_t1(self) -> None:
        values = TimerValues(t1_s=0.1)
        assert values.timer_a_s == 0.1
        assert values.timer_b_s == values.timer_l_s == 6.4


class TestTimerHeap:
    def test_delays_of_shared_wakeups_do_not_add_up(self) -> None:
        heap, fired = TimerHeap(), []

        def again(_: object, now: float) -> None:
            fired.append(now)
            heap.schedule(now + 1.0, again)

        heap.schedule(1.0, again)
        for wake in (1.09, 2.06, 3.1):
            heap.fire_due(wake)
        assert fired == [1.0, 2.0, 3.0]

    def test_missed_timers_do_not_fire_in_a_burst(self) -> None:
        heap, fired = TimerHeap(), []

        def again(_: object, now: float) -> None:
            fired.append(now)
            heap.schedule(now + 1.0, again)

        heap.schedule(1.0, again)
        assert heap.fire_due(9.5) == 1
        assert fired == [9.5]
        assert heap.next_deadline() == 10.5

    def test_fires_in_order_of_time_then_of_scheduling(self) -> None:
        heap, fired = TimerHeap(), []
        for name, at in (("c", 2.0), ("a", 1.0), ("b", 1.0), ("d", 3.0)):
            heap.schedule(at, lambda argument, now: fired.append((argument, now)), name)
        assert heap.next_deadline() == 1.0
        assert heap.fire_due(2.5) == 3
        assert fired == [("a", 2.5), ("b", 2.5), ("c", 2.5)]
        assert heap.next_deadline() == 3.0
        assert len(heap) == 1

    def test_not_before_its_time(self) -> None:
        heap = TimerHeap()
        heap.schedule(1.0, lambda _, now: None)
        assert heap.fire_due(0.999) == 0
        assert heap.fire_due(1.0) == 1
        assert heap.next_deadline() is None

    def test_cancelled_never_fires_and_cancelling_again_is_no_error(self) -> None:
        heap, fired = TimerHeap(), []
        first = heap.schedule(1.0, lambda _, now: fired.append("first"))
        heap.schedule(2.0, lambda _, now: fired.append("second"))
        heap.cancel(first)
        heap.cancel(first)
        heap.cancel(None)
        assert len(heap) == 1
        assert heap.next_deadline() == 2.0
        heap.fire_due(5.0)
        assert fired == ["second"]
        heap.cancel(first)
        assert len(heap) == 0

    def test_a_callback_may_schedule_and_cancel(self) -> None:
        heap, fired = TimerHeap(), []

        def first(_: object, now: float) -> None:
            heap.cancel(other)
            heap.schedule(now, lambda _, now: fired.append("at once"))
            heap.schedule(now + 1, lambda _, now: fired.append("later"))

        heap.schedule(1.0, first)
        other = heap.schedule(1.0, lambda _, now: fired.append("other"))
        heap.fire_due(1.0)
        assert fired == ["at once"]
        assert heap.next_deadline() == 2.0

    def test_cancelled_entries_do_not_pile_up(self) -> None:
        heap = TimerHeap()
        live = heap.schedule(1_000.0, lambda _, now: None)
        for i in range(20_000):
            heap.cancel(heap.schedule(10.0 + i, lambda _, now: None))
            assert len(heap._entries) < 1_000
        assert len(heap) == 1
        assert heap.next_deadline() == 1_000.0
        heap.cancel(live)
        assert heap.next_deadline() is None
        assert len(heap) == 0

    def test_clear(self) -> None:
        heap, fired = TimerHeap(), []
        timer = heap.schedule(1.0, lambda _, now: fired.append(1))
        heap.clear()
        heap.cancel(timer)
        assert (len(heap), heap.next_deadline(), heap.fire_due(9.0), fired) == (0, None, 0, [])

    def test_against_a_sorted_list(self) -> None:
        rng = random.Random(7)
        heap, fired, expected = TimerHeap(), [], []
        for i in range(2_000):
            at = rng.uniform(0, 100)
            timer = heap.schedule(at, lambda argument, now: fired.append(argument), (at, i))
            if rng.random() < 0.7:
                heap.cancel(timer)
            else:
                expected.append((at, i))
        for now in range(0, 101, 5):
            heap.fire_due(float(now))
        assert fired == sorted(expected)
