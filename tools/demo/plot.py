# SPDX-License-Identifier: MIT
"""The picture of a session: SoC, power, voltage and current over time.

Points are what the messages said, thin lines what the plant did. Needs matplotlib; without it the
demo says so and goes on.
"""

PHASES = (  # first message of the phase, its name
    ("CM_SLAC_PARM.REQ", "SLAC"),
    ("SECCDiscoveryReq", "set-up"),
    ("DC_CableCheckReq", "cable\ncheck"),
    ("DC_PreChargeReq", ""),
    ("DC_ChargeLoopReq", "charge loop"),
    ("DC_WeldingDetectionReq", ""),
)
BLUE, GREEN, AMBER, RED, GREY = "#1f5fa8", "#2a8f4f", "#d98200", "#b3262e", "#9aa3ad"


def draw(path, record, samples, title):
    """Write the PNG. `samples`: [(ms, V at the inlet, A, SOC 0..1)] of the plant."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    t = [ms / 1000 for ms, *_ in samples]
    loop_t = [ms / 1000 for ms, *_ in record.loops]
    watts = [v * a / 1000 for _, v, a in record.loops]
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(
        4, 1, sharex=True, figsize=(10, 9), height_ratios=(1.1, 1.4, 1.1, 1.1)
    )
    soc, power, voltage, current = axes

    soc.plot(t, [s * 100 for *_, s in samples], color=GREY, lw=1, label="pack")
    soc.plot(
        [ms / 1000 for ms, _ in record.soc],
        [value for _, value in record.soc],
        color=BLUE, lw=1.6, drawstyle="steps-post", label="PresentSOC",
    )  # fmt: skip
    soc.set_ylabel("state of charge\n%")
    soc.margins(y=0.15)

    power.fill_between(
        loop_t, watts, where=[w >= 0 for w in watts], color=GREEN, alpha=0.35, lw=0,
        label=f"to the car: {record.meter.charged_Wh:.1f} Wh", interpolate=True,
    )  # fmt: skip
    power.fill_between(
        loop_t, watts, where=[w <= 0 for w in watts], color=AMBER, alpha=0.4, lw=0,
        label=f"from the car: {record.meter.discharged_Wh:.1f} Wh", interpolate=True,
    )  # fmt: skip
    power.plot(loop_t, watts, color="#333333", lw=1.1)
    power.axhline(0, color=GREY, lw=0.8)
    power.set_ylabel("power\nkW")
    power.margins(y=0.18)

    voltage.plot(t, [v for _, v, *_ in samples], color=GREY, lw=1, label="inlet")
    voltage.plot(
        [ms / 1000 for ms, _ in record.voltages],
        [v for _, v in record.voltages],
        ".", color=RED, ms=2.5, label="EVSEPresentVoltage",
    )  # fmt: skip
    voltage.set_ylabel("voltage\nV")
    voltage.set_ylim(0, max((v for _, v, *_ in samples), default=1) * 1.12 + 1)

    current.plot(t, [a for _, _, a, _ in samples], color=GREY, lw=1, label="inlet")
    current.plot(
        loop_t, [a for *_, a in record.loops], ".", color=BLUE, ms=2.5, label="EVSEPresentCurrent"
    )
    current.axhline(0, color=GREY, lw=0.8)
    current.set_ylabel("current\nA")
    current.set_xlabel("simulated time, s")
    current.margins(y=0.15)

    marks = [(record.first(name), text) for name, text in PHASES]
    marks = [(ms / 1000, text) for ms, text in marks if ms is not None]
    for axis in axes:
        axis.grid(axis="y", color="#e6e9ec", lw=0.8)
        axis.set_axisbelow(True)
        for start, _ in marks:
            axis.axvline(start, color="#c9ced4", lw=0.8, ls=":")
        axis.legend(loc="upper left", bbox_to_anchor=(1.005, 1), frameon=False)
    for start, text in marks:
        soc.annotate(
            text, (start, 1.02), xycoords=("data", "axes fraction"), fontsize=8,
            color="#55606b", ha="left", va="bottom",
        )  # fmt: skip
    current.set_xlim(0, t[-1] if t else 1)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    figure.align_ylabels()
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    figure.savefig(path, dpi=110)
    plt.close(figure)
