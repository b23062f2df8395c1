# SPDX-License-Identifier: MIT
"""The picture of a session: SoC, power, voltage and current over time.

Points are what the messages said, thin lines what the plant did. Needs matplotlib; without it the
demo says so and goes on.
"""

PHASES = (  # first message of the phase, its name
    ("CM_SLAC_PARM.REQ", "SLAC"),
    ("SECCDiscoveryReq", "SDP, set-up"),
    ("DC_CableCheckReq", "cable check"),
    ("DC_PreChargeReq", "precharge"),
    ("DC_ChargeLoopReq", "charge loop"),
    ("DC_WeldingDetectionReq", "welding check, end"),
)
BLUE, GREEN, AMBER, RED, GREY = "#1f5fa8", "#2a8f4f", "#d98200", "#b3262e", "#9aa3ad"
DASH = "#c9ced4"


def draw(path, record, samples, title):
    """Write the PNG. `samples`: [(ms, V at the inlet, A, SOC 0..1)] of the plant.

    Three columns with a time scale each: before the loop, the loop, after it.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    columns = _columns(record, samples)
    style = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    with plt.rc_context(style):
        figure, grid = plt.subplots(
            4, len(columns), sharex="col", sharey="row", squeeze=False, figsize=(11, 9),
            height_ratios=(1.1, 1.4, 1.1, 1.1), width_ratios=[w for *_, w in columns],
        )  # fmt: skip
        for number, (start, end, _) in enumerate(columns):
            axes = grid[:, number]
            _soc(axes[0], record, samples)
            _power(axes[1], record)
            _voltage(axes[2], record, samples)
            _current(axes[3], record, samples)
            axes[3].set_xlim(start, end)
            for axis in axes:
                axis.grid(axis="y", color="#e6e9ec", lw=0.8)
                axis.set_axisbelow(True)
                if number:
                    axis.spines["left"].set_color(DASH)
                    axis.tick_params(axis="y", length=0)
                else:
                    axis.margins(y=0.15)
            _phases(axes, record, start, end)
        for axis, text in zip(
            grid[:, 0],
            ("state of charge\n%", "power\nkW", "voltage\nV", "current\nA"),
            strict=True,
        ):
            axis.set_ylabel(text)
        for axis in grid[:, -1]:
            axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
        grid[3, len(columns) // 2].set_xlabel("simulated time, s (each column has its own scale)")
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        figure.align_ylabels(grid[:, 0])
        figure.subplots_adjust(0.075, 0.06, 0.865, 0.87, wspace=0.04, hspace=0.12)
        figure.savefig(path, dpi=110)
        plt.close(figure)


def _columns(record, samples):
    """[(start s, end s, relative width)]"""
    last = samples[-1][0] / 1000 if samples else 1
    if not record.loops:
        return [(0, last, 1)]
    start, end = record.loops[0][0] / 1000, record.loops[-1][0] / 1000
    start, end = start - 0.05, end + 0.05
    return [(0, start, 1.5), (start, end, 3), (end, max(last, end + 1), 1.2)]


def _seconds(rows):
    return [row[0] / 1000 for row in rows]


def _soc(axis, record, samples):
    axis.plot(_seconds(samples), [s * 100 for *_, s in samples], color=GREY, lw=1, label="pack")
    axis.plot(
        _seconds(record.soc), [value for _, value in record.soc],
        color=BLUE, lw=1.6, drawstyle="steps-post", label="PresentSOC",
    )  # fmt: skip


def _power(axis, record):
    t, kW = _seconds(record.loops), [v * a / 1000 for _, v, a in record.loops]
    for sign, colour, text, Wh in (
        (1, GREEN, "to the car", record.meter.charged_Wh),
        (-1, AMBER, "from the car", record.meter.discharged_Wh),
    ):
        axis.fill_between(
            t, kW, where=[w * sign >= 0 for w in kW], color=colour, alpha=0.38, lw=0,
            label=f"{text}\n{Wh:.1f} Wh", interpolate=True,
        )  # fmt: skip
    axis.plot(t, kW, color="#333333", lw=1.1)
    axis.axhline(0, color=GREY, lw=0.8)


def _voltage(axis, record, samples):
    axis.plot(_seconds(samples), [v for _, v, *_ in samples], color=GREY, lw=1, label="inlet")
    axis.plot(
        _seconds(record.voltages), [v for _, v in record.voltages],
        ".", color=RED, ms=3, label="EVSEPresent-\nVoltage",
    )  # fmt: skip


def _current(axis, record, samples):
    axis.plot(_seconds(samples), [a for _, _, a, _ in samples], color=GREY, lw=1, label="inlet")
    axis.plot(
        _seconds(record.loops), [a for *_, a in record.loops],
        ".", color=BLUE, ms=3, label="EVSEPresent-\nCurrent",
    )  # fmt: skip
    axis.axhline(0, color=GREY, lw=0.8)


def _phases(axes, record, start, end):
    """Dotted lines where phases begin, with their names above."""
    for name, text in PHASES:
        ms = record.first(name)
        if ms is None or not start <= ms / 1000 < end:
            continue
        for axis in axes:
            axis.axvline(ms / 1000, color=DASH, lw=0.8, ls=":")
        middle = name == "DC_ChargeLoopReq"
        axes[0].annotate(
            text, ((start + end) / 2 if middle else ms / 1000, 1.03),
            xycoords=("data", "axes fraction"), fontsize=8, color="#55606b", va="bottom",
            ha="center" if middle else "left", rotation=0 if middle else 35,
            annotation_clip=False,
        )  # fmt: skip
