"""How much the bench does."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes and durations. Times in seconds."""

    relay_streams: tuple[int, ...] = (200, 400, 800)
    plain_streams: tuple[int, ...] = (200, 400, 800)
    relay_runs: int = 5
    relay_s: float = 2.5
    codec_calls: int = 10
    codec_runs: int = 3
    codec_s: float = 6.0
    talk_calls: int = 500
    talk_runs: int = 3
    talk_s: float = 8.0
    setup_rates: tuple[tuple[int, int], ...] = ((20, 300), (50, 1000), (100, 1000))
    setup_runs: int = 3
    mixed_streams: int = 500
    mixing_runs: int = 3
    mixing_frames: int = 250
    browsers: int = 150
    browsers_s: float = 15.0
    messages: int = 20_000
    messages_runs: int = 5
    sustained_rate: int = 150
    sustained_secure_rate: int = 80
    sustained_s: float = 60.0
    registrations: int = 2_000
    registrations_s: float = 120.0
    accept_runs: int = 3
    accept_requests: int = 2_000
    web_rings: int = 400
    web_refused: int = 20_000
    web_proofs: int = 15
    phones: int = 200
    phones_s: float = 60.0
    restart_runs: int = 3
    restart_jobs: int = 100_000
    restart_open_jobs: int = 5_000
    restart_queued_jobs: int = 95_000
    dispatch_agents: int = 500
    dispatch_jobs: int = 10_000
    dispatch_s: float = 15.0
    top_s: float = 20.0
    trace_turns: int = 12
    trace_callbacks: int = 250
    stream_s: float = 60.0
    streams_s: float = 600.0
    dtmf_s: float = 1800.0
    detection_samples: int = 400
    """Of which half are taken."""
    concealment_seeds: int = 8
    mixed_load: tuple[int, int, int, int, int] = (300, 50, 50, 20, 10)
    """Bridges, prompts, recordings, mixes of three, bot streams."""
    mixed_load_s: float = 600.0
    soak_callbacks: int = 10_000
    soak_per_s: float = 80.0


FULL = Options()
QUICK = Options(
    relay_streams=(200, 800),
    plain_streams=(200,),
    relay_runs=3,
    relay_s=1.5,
    codec_runs=1,
    codec_s=3.0,
    talk_runs=1,
    talk_s=4.0,
    setup_rates=((20, 60), (50, 250), (100, 300)),
    setup_runs=1,
    mixing_frames=100,
    browsers_s=4.0,
    messages=4_000,
    sustained_s=10.0,
    registrations=500,
    registrations_s=60.0,
    messages_runs=3,
    accept_runs=1,
    accept_requests=1_000,
    web_rings=100,
    web_refused=5_000,
    web_proofs=5,
    phones_s=10.0,
    restart_runs=1,
    dispatch_jobs=2_000,
    dispatch_s=9.0,
    top_s=8.0,
    trace_turns=4,
    trace_callbacks=150,
    stream_s=10.0,
    streams_s=20.0,
    dtmf_s=120.0,
    detection_samples=120,
    concealment_seeds=2,
    mixed_load_s=16.0,
    soak_callbacks=500,
)
