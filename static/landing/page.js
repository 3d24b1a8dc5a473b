// Refines a page that is complete without it: counts down and draws the charts once they come near.
"use strict";

(() => {
  const plotlySource = document.currentScript.dataset.plotly;
  const language = document.documentElement.lang;
  const opened = performance.now();

  // The page's own "now" counts, not this machine's clock.
  const countDown = (element) => {
    const start = Date.parse(element.dataset.countdown);
    const end = Date.parse(element.dateTime);
    const unit = (name, value) =>
      new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "long" }).format(value);
    const write = () => {
      const minutes = Math.floor((end - start - (performance.now() - opened)) / 60000);
      if (minutes <= 0) return;
      const days = Math.floor(minutes / 1440);
      const hours = Math.floor((minutes % 1440) / 60);
      const parts = [];
      if (days) parts.push(unit("day", days));
      if (days < 14 && hours) parts.push(unit("hour", hours));
      if (!days && hours < 6) parts.push(unit("minute", minutes % 60));
      element.textContent = element.dataset.left.replace("{time}", parts.join(" "));
    };
    write();
    setInterval(write, 60000);
  };

  let plotly;
  const loadPlotly = () =>
    (plotly ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = plotlySource;
      script.onload = () => {
        nameMonths(window.Plotly);
        resolve(window.Plotly);
      };
      script.onerror = reject;
      document.head.append(script);
    }));

  // The bundle speaks English only; the browser knows the names in every language.
  const nameMonths = (Plotly) => {
    const names = (options, dates) =>
      dates.map((date) => new Intl.DateTimeFormat(language, { timeZone: "UTC", ...options }).format(date));
    const months = Array.from({ length: 12 }, (_, month) => new Date(Date.UTC(2023, month, 1)));
    const days = Array.from({ length: 7 }, (_, day) => new Date(Date.UTC(2023, 0, 1 + day)));
    Plotly.register({
      moduleType: "locale",
      name: language,
      dictionary: {},
      format: {
        months: names({ month: "long" }, months),
        // As beside a day: in Russian "15 июл.", where a month alone would be "июль".
        shortMonths: months.map(
          (date) =>
            new Intl.DateTimeFormat(language, { timeZone: "UTC", day: "numeric", month: "short" })
              .formatToParts(date)
              .find((part) => part.type === "month").value,
        ),
        days: names({ weekday: "long" }, days),
        shortDays: names({ weekday: "short" }, days),
        periods: ["AM", "PM"],
        dateTime: "%x, %X",
        date: "%d.%m.%Y",
        time: "%H:%M:%S",
        year: "%Y",
        month: "%b %Y",
        dayMonth: "%-d %b",
        dayMonthYear: "%-d %b %Y",
        decimal: 1.5.toLocaleString(language).charAt(1),
        thousands: "\u00a0",
      },
    });
  };

  // Colours of axes and text follow the page's scheme; those of lines and marks suit both.
  const theme = (width) => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    return {
      "font.color": colour("--soft"),
      "font.family": getComputedStyle(document.body).fontFamily,
      "font.size": 12,
      "xaxis.nticks": Math.max(2, Math.floor(width / 120)),
      "yaxis.gridcolor": colour("--line"),
      "xaxis.linecolor": colour("--line"),
      "hoverlabel.bgcolor": colour("--card"),
      "hoverlabel.bordercolor": colour("--line"),
      "hoverlabel.font.color": colour("--ink"),
    };
  };

  const draw = async (holder) => {
    const [Plotly, figure] = await Promise.all([
      loadPlotly(),
      fetch(holder.dataset.chart, { credentials: "same-origin" }).then((answer) => {
        if (!answer.ok) throw new Error(`The chart answered ${answer.status}.`);
        return answer.json();
      }),
    ]);
    const drawing = document.createElement("div");
    drawing.className = "chart-drawing";
    holder.append(drawing);
    await Plotly.newPlot(drawing, figure.data, figure.layout, {
      displayModeBar: false,
      responsive: true,
      locale: language,
    });
    const dress = () => Plotly.relayout(drawing, theme(holder.clientWidth));
    await dress();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
    holder.classList.add("is-drawn");
    performance.mark("chart-drawn");
  };

  document.querySelectorAll("[data-countdown]").forEach(countDown);
  const near = new IntersectionObserver(
    (entries) =>
      entries
        .filter((entry) => entry.isIntersecting)
        .forEach(({ target }) => {
          near.unobserve(target);
          draw(target).catch(console.error);
        }),
    { rootMargin: "800px 0px" },
  );
  // After the first paint, so that the figures are there before the drawing of them is fetched.
  requestAnimationFrame(() =>
    setTimeout(() => document.querySelectorAll("[data-chart]").forEach((chart) => near.observe(chart))),
  );
})();
