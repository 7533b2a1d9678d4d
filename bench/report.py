"""The figures of a run as tables and one picture."""

from __future__ import annotations

GOALS = {"live": 2.5, "short": 0.8, "full_speed": 3.0, "idle": 1.6, "memory": 40.0}


def _cells(results: dict, name: str) -> list[str]:
    found = results[name]
    floor = results.get("nginx", {}).get("live", {}).get("cpu_per_event_us")
    live = found["live"].get("cpu_per_event_us", 0.0)
    return [
        name,
        f"{live:.0f}",
        f"{live / floor:.2f}" if floor else "–",
        f"{found['short'].get('cpu_per_stream_ms', 0.0):.2f}",
        f"{found['full_speed'].get('cpu_per_event_us', 0.0):.1f}",
        f"{found['idle']['first_p50']:.2f}",
        f"{found['memory']['memory_per_stream_kb']:.0f}" if found["memory"] else "–",
        f"{found['live']['delay_p50']:.2f} / {found['live']['delay_p99']:.1f}",
        ", ".join(_lost(found, field) for field in ("broken", "lost")),
    ]


def _lost(found: dict, field: str) -> str:
    return str(sum(s.get(field, 0) for s in found.values() if isinstance(s, dict)))


def tables(results: dict) -> str:
    """All tables, in Markdown."""
    rows = [
        ["relay", "CPU per event, 100 live streams (us)", "times nginx", "CPU per short stream (ms)",
         "CPU per event, full speed (us)", "first event, idle (ms)", "memory per open stream (KB)",
         "delay p50 / p99, live (ms)", "streams, events lost"],
        ["---"] * 9,
        *(_cells(results, name) for name in results),
        ["goal", "", f"{GOALS['live']}", f"{GOALS['short']}", f"{GOALS['full_speed']}",
         f"{GOALS['idle']}", f"{GOALS['memory']:.0f}", "", "0"],
    ]  # fmt: skip
    text = "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
    ours = results.get("ours", {})
    return text + (_more(ours) if "many" in ours else "")


def _more(ours: dict) -> str:
    prompts, answers, rows = ours["large_prompts"], ours["large_answers"], ours["in_a_row"]
    past = next((k["streams"] for k in ours["knee"] if k["delay_p99"] > 50), None)
    lines = [
        "",
        "| ours, one worker | events | p50 ms | p99 ms | max ms | streams, events lost |",
        "| --- | --- | --- | --- | --- | --- |",
        _line("1,000 live streams at 10 events/s", ours["many"]),
        _line("8,000 live streams at one event every 4 s", ours["crowd"]),
        _line("50 small streams beside prompts of 100 KB", prompts),
        _line("50 small streams beside answers of 10 MB", answers),
        "",
        f"p99 delay passes 50 ms at {past or 'more than ' + str(ours['knee'][-1]['streams'])} live streams "
        "of 10 events/s.",
        f"{rows['whole']} short streams in a row: memory grew by {rows['memory_growth_mb']:.1f} MB.",
        "",
    ]
    return "\n".join(lines)


def _line(title: str, found: dict) -> str:
    return (
        f"| {title} | {found['events']} | {found['delay_p50']:.1f} | {found['delay_p99']:.1f} | "
        f"{found['delay_max']:.1f} | {found['broken']}, {found['lost']} |"
    )


def picture(knee: list[dict]) -> str:
    """Delay of an event against live streams, as SVG: p50, p99, and the 50 ms that are the limit."""
    width, height, left, bottom = 640, 360, 60, 40
    most = max(k["streams"] for k in knee)
    top = max(60.0, *(k["delay_p99"] for k in knee)) * 1.1

    def x(streams: float) -> float:
        return left + streams / most * (width - left - 20)

    def y(ms: float) -> float:
        return height - bottom - ms / top * (height - bottom - 20)

    def line(field: str, colour: str) -> str:
        points = " ".join(f"{x(k['streams']):.1f},{y(k[field]):.1f}" for k in knee)
        dots = "".join(
            f'<circle cx="{x(k["streams"]):.1f}" cy="{y(k[field]):.1f}" r="3" fill="{colour}"/>'
            for k in knee
        )
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'

    ticks = "".join(
        f'<text x="{x(k["streams"]):.0f}" y="{height - 22}" text-anchor="middle">{k["streams"]}</text>'
        for k in knee[1:]
    )
    levels = "".join(
        f'<text x="{left - 8}" y="{y(ms) + 4:.0f}" text-anchor="end">{ms:.0f}</text>'
        f'<line x1="{left}" x2="{width - 20}" y1="{y(ms):.1f}" y2="{y(ms):.1f}" stroke="#ddd"/>'
        for ms in (0, top / 4, top / 2, top * 3 / 4)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12" role="img" aria-label="Delay of an event against live streams">'
        f'<rect width="100%" height="100%" fill="#fff"/>{levels}{ticks}'
        f'<line x1="{left}" x2="{width - 20}" y1="{y(50):.1f}" y2="{y(50):.1f}" stroke="#c00" stroke-dasharray="4"/>'
        f"{line('delay_p50', '#0a6')}{line('delay_p99', '#06c')}"
        f'<text x="{left + 10}" y="16">delay of an event (ms): p50 green, p99 blue, limit red</text>'
        f'<text x="{width / 2}" y="{height - 6}" text-anchor="middle">live streams, 10 events/s each</text></svg>\n'
    )
