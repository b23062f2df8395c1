# SPDX-License-Identifier: MIT
"""The day as a picture: powers of house and car, state of charge, price."""

SUN, LOAD, CAR, BACK, SOC = "#e0a100", "#5b6b7a", "#1f77b4", "#2a9d55", "#333333"


def draw(day, path, title):
    """Write a PNG or SVG of a played `Day`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    hours = [row[0] + day.start_h for row in day.rows]
    car = [row[1] / 1000 for row in day.rows]
    soc = [row[2] for row in day.rows]
    sun = [row[3] / 1000 for row in day.rows]
    load = [row[4] / 1000 for row in day.rows]
    price = [row[5] * 100 for row in day.rows]
    figure, (top, middle, bottom) = pyplot.subplots(
        3, 1, sharex=True, figsize=(11, 8), height_ratios=(3, 2, 1)
    )
    top.fill_between(hours, sun, color=SUN, alpha=0.25, linewidth=0)
    top.plot(hours, sun, color=SUN, label="sun on the roof")
    top.plot(hours, load, color=LOAD, label="load of the house")
    into = [max(w, 0) for w in car]
    back = [min(w, 0) for w in car]
    top.fill_between(hours, into, color=CAR, alpha=0.4, linewidth=0, label="into the car")
    top.fill_between(hours, back, color=BACK, alpha=0.5, linewidth=0, label="out of the car")
    top.axhline(0, color="black", linewidth=0.6)
    top.set_ylabel("power, kW")
    top.legend(loc="upper center", ncols=4, frameon=False)
    top.set_ylim(min(car) - 1, max(max(car), max(sun), max(load)) + 2.5)
    middle.plot(hours, soc, color=SOC)
    p = day.params
    for level, text in (
        (p.ems_reserve_soc, "reserve"),
        (p.ev_target_soc, "target at departure"),
        (p.ev_min_soc, "lowest"),
    ):
        middle.axhline(level, color=SOC, linewidth=0.7, linestyle=":")
        middle.text(hours[0], level + 1, text, fontsize=9, color=SOC)
    middle.set_ylabel("state of charge, %")
    middle.set_ylim(0, 100)
    bottom.step(hours, price, color="#b03a2e", where="post")
    bottom.set_ylabel("price, ct/kWh")
    bottom.set_ylim(0, max(price) + 10)
    ticks = range(int(hours[0]) // 2 * 2, int(hours[-1]) + 3, 2)
    bottom.set_xticks(list(ticks), [f"{h % 24:02d}:00" for h in ticks])
    bottom.set_xlim(hours[0], hours[-1])
    for axes in (top, middle, bottom):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
