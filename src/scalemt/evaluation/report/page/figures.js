// The figures that follow the reader's choice of metric and systems.

function drawFigures() {
  const { set, metric } = view;
  const figures = [];
  if (set.systems.some((system) => (system.segments[metric] || []).some(finite))) {
    figures.push(distribution(set, metric), gains(set, metric), byLength(set, metric), byDomain(set, metric));
  }
  byId("live-figures").replaceChildren(...figures.filter(Boolean));
  for (const fixedFigure of all("figure[data-metric]")) {
    fixedFigure.hidden = fixedFigure.dataset.metric !== view.metricInfo.name;
  }
}

const arrow = ({ name, better }) => name + (better === true ? " ↑" : better === false ? " ↓" : "");

// Distribution of segment scores: box and whiskers, with a density behind when there are not too many systems.
function distribution(set, metric) {
  const rows = view.ranked().map((system) => ({
    system, sorted: (set.systems[system].segments[metric] || []).filter(finite).sort((one, two) => one - two),
  })).filter((row) => row.sorted.length);
  const info = set.metrics[metric];
  const pitch = Math.min(34, Math.max(19, (PLOT.height - PLOT.bottom - 8) / rows.length));
  const bottom = 8 + pitch * rows.length;
  const left = 12 + 6.4 * Math.min(23, Math.max(...rows.map((row) => set.systems[row.system].name.length)));
  // A few extreme segments must not press all boxes together: the axis ends at the outer half percent.
  const ends = rows.flatMap(({ sorted }) => [quantile(sorted, 0.005), quantile(sorted, 0.995)]);
  const at = scale(...around(ends, 0.02), left, PLOT.width - PLOT.right);
  const told = rows.map(({ system, sorted }) => `${set.systems[system].name}: median ${scored(quantile(sorted, 0.5))}, `
    + `quartiles ${scored(quantile(sorted, 0.25))} and ${scored(quantile(sorted, 0.75))}`).join("; ");
  const svg = canvas(`Distribution of segment scores, ${info.name} on ${set.name}`, told, bottom + PLOT.bottom);
  xAxis(svg, at, 4, bottom, `${arrow(info)}, single segments`);
  rows.forEach((row, number) => box(svg, set, row, at, 8 + pitch * (number + 0.5), pitch, rows.length <= 24));
  return figure(`Distribution of ${info.name}`,
    "Segment scores: box of the quartiles with median, point for the mean, whiskers to the 5th and 95th percentile.", svg);
}

function box(svg, set, { system, sorted }, at, y, pitch, dense) {
  const { name } = set.systems[system];
  const { ink } = ofSystem(set, system);
  const clip = (value) => Math.min(at.end, Math.max(at.start, at(value)));
  svg.append(shape("text", { ...fill("ink"), x: at.start - 10, y: y + 4, "text-anchor": "end" }, shorten(name, 23)));
  if (dense) svg.append(shape("path", { ...fill(ink), "fill-opacity": "0.18", d: violin(sorted, at, y, pitch * 0.44) }));
  const [p5, q1, middle, q3, p95] = [0.05, 0.25, 0.5, 0.75, 0.95].map((share) => clip(quantile(sorted, share)));
  const half = Math.min(6, pitch * 0.2);
  svg.append(shape("line", { ...stroke(ink, 1.3), x1: p5, y1: y, x2: p95, y2: y }));
  svg.append(shape("rect", {
    class: `s-${ink} f-paper`, fill: INK.paper, stroke: INK[ink], "stroke-width": "1.4",
    x: q1, y: y - half, width: Math.max(1, q3 - q1), height: 2 * half,
  }));
  svg.append(shape("line", { ...stroke(ink, 2.2), x1: middle, y1: y - half, x2: middle, y2: y + half }));
  const tip = `${name}: mean ${scored(mean(sorted))}, median ${scored(quantile(sorted, 0.5))}, ${counted(sorted.length)} segments`;
  svg.append(marker(0, clip(mean(sorted)), y, ink, tip, 3));
}

// Gaussian kernel density over 120 bins, bandwidth after Silverman (1986, equation 3.31).
function violin(sorted, at, y, height) {
  const centre = mean(sorted);
  const deviation = Math.sqrt(mean(sorted.map((value) => (value - centre) ** 2)));
  const spread = Math.min(deviation, (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.34) || deviation;
  const width = 0.9 * spread * sorted.length ** -0.2 || (at.high - at.low) / 60;
  const bins = 120;
  const counts = new Array(bins + 1).fill(0);
  const step = (at.high - at.low) / bins;
  for (const value of sorted) {
    const bin = Math.round((value - at.low) / step);
    if (bin >= 0 && bin <= bins) counts[bin] += 1;
  }
  const reach = Math.max(1, Math.ceil((3 * width) / step));
  const density = counts.map((_, bin) => {
    let sum = 0;
    for (let other = Math.max(0, bin - reach); other <= Math.min(bins, bin + reach); other += 1) {
      sum += counts[other] * Math.exp(-0.5 * (((bin - other) * step) / width) ** 2);
    }
    return sum;
  });
  const most = Math.max(...density) || 1;
  const edge = density.map((value, bin) => [at(at.low + bin * step), (height * value) / most]);
  return `${path([...edge.map(([x, h]) => [x, y - h]), ...edge.reverse().map(([x, h]) => [x, y + h])])}Z`;
}

// Segments by their gain over the other system, best first: how much is won, and what it costs elsewhere.
function gains(set, metric) {
  const { system, against } = view;
  if (against < 0 || system === against) return null;
  const rows = [];
  for (let segment = 0; segment < set.size; segment += 1) {
    const gain = set.gain(system, against, metric, segment);
    if (finite(gain)) rows.push({ segment, gain });
  }
  if (!rows.length) return null;
  rows.sort((one, two) => two.gain - one.gain);
  const info = set.metrics[metric];
  const [better, worse] = [rows.filter((row) => row.gain > 0).length, rows.filter((row) => row.gain < 0).length];
  const share = (count) => `${((100 * count) / rows.length).toFixed(0)} %`;
  const words = info.better === null ? ["higher", "lower"] : ["better", "worse"];
  const names = [set.systems[system].name, set.systems[against].name];
  const told = `${share(better)} of the segments ${words[0]}, ${share(worse)} ${words[1]}, `
    + `${share(rows.length - better - worse)} equal; mean ${fixed(mean(rows.map((row) => row.gain)), set.metrics[metric].places + 1, true)}`;
  const svg = canvas(`Gains of ${names[0]} over ${names[1]}, ${info.name}`, told);
  const x = scale(0, rows.length, PLOT.left, PLOT.width - PLOT.right);
  const y = scale(...around([...rows.map((row) => row.gain), 0], 0.04), PLOT.height - PLOT.bottom, PLOT.top);
  const change_ = info.better === null ? "difference" : "gain";
  yAxis(svg, y, x.start, x.end, `${change_} in ${info.name}`);
  xAxis(svg, x, y.end, y.start, "segments, sorted", [0, 0.25, 0.5, 0.75, 1].map((part) => part * rows.length),
    (mark) => `${Math.round((100 * mark) / rows.length)} %`);
  svg.append(area(rows.slice(0, better), x, y, 0, "better"), area(rows.slice(rows.length - worse), x, y, rows.length - worse, "worse"));
  svg.append(shape("line", { ...stroke("base", 1.2), x1: x.start, y1: y(0), x2: x.end, y2: y(0) }));
  sides(svg, x, y, [`▲ ${share(better)} ${words[0]}`, `▼ ${share(worse)} ${words[1]}`]);
  svg.classList.add("clickable");
  svg.addEventListener("click", (event) => {
    const bounds = svg.getBoundingClientRect();
    const place = (((event.clientX - bounds.left) / bounds.width) * PLOT.width - x.start) / (x.end - x.start);
    const row = rows[Math.floor(place * rows.length)];
    if (row) goTo(row.segment, true);
  });
  return figure(`${names[0]} against ${names[1]}`, `${told}. A click opens the segment.`, svg);
}

function area(rows, x, y, first, ink) {
  const edge = rows.flatMap((row, number) => [[x(first + number), y(row.gain)], [x(first + number + 1), y(row.gain)]]);
  if (!edge.length) return shape("g", {});
  const closed = [[edge[0][0], y(0)], ...edge, [edge[edge.length - 1][0], y(0)]];
  return shape("path", { class: `f-${ink} s-${ink}`, fill: INK[ink], stroke: INK[ink], "stroke-width": "0.6", "fill-opacity": "0.75", d: `${path(closed)}Z` });
}

function sides(svg, x, y, [better, worse]) {
  // The upper right and the lower left of a sorted curve are always empty.
  svg.append(shape("text", { ...fill("better"), x: x.end - 6, y: y.end + 16, "text-anchor": "end", "font-weight": "600" }, better));
  svg.append(shape("text", { ...fill("worse"), x: x.start + 10, y: y.start - 10, "font-weight": "600" }, worse));
}

// Mean segment scores by length of the source, in five buckets of about the same number of segments.
function byLength(set, metric) {
  const systems = view.shown.filter((system) => (set.systems[system].segments[metric] || []).some(finite));
  const buckets = lengthBuckets(set.lengths);
  if (buckets.length < 2 || !systems.length) return null;
  const rows = systems.map((system) => ({
    system, means: buckets.map(({ segments }) => mean(segments.map((segment) => set.score(system, metric, segment)).filter(finite))),
  }));
  const info = set.metrics[metric];
  const told = rows.map(({ system, means }) => `${set.systems[system].name}: ${means.map((value, number) => `${buckets[number].label} words ${scored(value)}`).join(", ")}`).join("; ");
  const svg = canvas(`${info.name} by source length on ${set.name}`, told);
  const top = legend(svg, set, systems) + 4;
  const x = scale(-0.4, buckets.length - 0.6, PLOT.left, PLOT.width - PLOT.right);
  const y = scale(...around(rows.flatMap((row) => row.means), 0.1), PLOT.height - PLOT.bottom, top);
  yAxis(svg, y, x.start, x.end, `mean ${arrow(info)}`);
  xAxis(svg, x, y.end, y.start, `${set.sources.length ? "source" : "text"} length in words`, buckets.map((_, number) => number), (number) => buckets[number].label);
  for (const { system, means } of rows) {
    const { ink, marker: kind } = ofSystem(set, system);
    const points = means.map((value, number) => [value, number]).filter(([value]) => finite(value));
    svg.append(shape("path", { ...stroke(ink, 1.6), d: path(points.map(([value, number]) => [x(number), y(value)])) }));
    for (const [value, number] of points) {
      svg.append(marker(kind, x(number), y(value), ink, `${set.systems[system].name}, ${buckets[number].label} words: ${scored(value)} (${counted(buckets[number].segments.length)} segments)`));
    }
  }
  return figure(`${info.name} by source length`, "Means of segment scores of the systems shown, in buckets of about equal size.", svg);
}

function lengthBuckets(lengths, wanted = 5) {
  const order = lengths.map((_, segment) => segment).sort((one, two) => lengths[one] - lengths[two]);
  const buckets = [];
  for (const segment of order) { // segments of one length always share a bucket
    const last = buckets[buckets.length - 1];
    const full = last && last.segments.length >= lengths.length / wanted;
    if (!last || (full && lengths[segment] !== last.high)) buckets.push({ low: lengths[segment], high: lengths[segment], segments: [segment] });
    else { last.segments.push(segment); last.high = lengths[segment]; }
  }
  return buckets.map((bucket) => ({ ...bucket, label: bucket.low === bucket.high ? `${bucket.low}` : `${bucket.low}–${bucket.high}` }));
}

// Mean segment scores by domain, the twenty largest domains.
function byDomain(set, metric) {
  const systems = view.shown.filter((system) => (set.systems[system].segments[metric] || []).some(finite));
  const groups = new Map();
  for (let segment = 0; segment < set.size && set.domains.length; segment += 1) {
    const domain = set.domain(segment);
    if (!groups.has(domain)) groups.set(domain, []);
    groups.get(domain).push(segment);
  }
  if (groups.size < 2 || !systems.length) return null;
  const rows = [...groups].sort((one, two) => two[1].length - one[1].length).slice(0, 20).map(([domain, segments]) => ({
    domain: domain || "none", segments,
    means: systems.map((system) => mean(segments.map((segment) => set.score(system, metric, segment)).filter(finite))),
  }));
  const info = set.metrics[metric];
  const told = rows.map(({ domain, means }) => `${domain}: ${means.map((value, number) => `${set.systems[systems[number]].name} ${scored(value)}`).join(", ")}`).join("; ");
  const probe = shape("svg", {});
  const top = legend(probe, set, systems) + 4;
  const pitch = Math.min(36, Math.max(22, (PLOT.height - PLOT.bottom - top) / rows.length));
  const svg = canvas(`${info.name} by domain on ${set.name}`, told, top + pitch * rows.length + PLOT.bottom);
  legend(svg, set, systems);
  const left = 14 + 6.4 * Math.min(22, Math.max(...rows.map((row) => row.domain.length + 7)));
  const x = scale(...around(rows.flatMap((row) => row.means), 0.06), left, PLOT.width - PLOT.right);
  xAxis(svg, x, top, top + pitch * rows.length, `mean ${arrow(info)}`);
  rows.forEach((row, number) => domainRow(svg, set, systems, row, x, top + pitch * (number + 0.5)));
  return figure(`${info.name} by domain`, "Means of segment scores of the systems shown; number of segments in parentheses.", svg);
}

function domainRow(svg, set, systems, { domain, segments, means }, x, y) {
  svg.append(shape("text", { ...fill("ink"), x: x.start - 10, y: y + 4, "text-anchor": "end" }, `${shorten(domain, 15)} (${segments.length})`));
  svg.append(shape("line", { ...stroke("grid"), x1: x.start, y1: y, x2: x.end, y2: y }));
  means.forEach((value, number) => {
    if (!finite(value)) return;
    const { ink, marker: kind } = ofSystem(set, systems[number]);
    svg.append(marker(kind, x(value), y, ink, `${set.systems[systems[number]].name}, ${domain}: ${scored(value)}`, 4.4));
  });
}
