// Owns pictures of amounts by day, as SVG.

const SPACE = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, FOOT, GAP] = [320, 112, 16, 1];

const whole = (amount) => Math.round(amount).toLocaleString();

function shape(name, attributes, ...content) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content);
  return element;
}

/** Bars of `{ day, all, part }`, where `part` is drawn as the part of `all` that is `partName`. `label` says in words what is seen. */
export function chart(label, bars, kind, partName) {
  const most = Math.max(...bars.map(({ all }) => all), 0);
  const width = WIDTH / bars.length;
  const height = (amount) => (most ? (amount / most) * (HEIGHT - 2 * FOOT) : 0);
  const floor = HEIGHT - FOOT;
  const rectangle = (at, amount, top, name) =>
    shape("rect", { x: at * width + GAP / 2, width: Math.max(width - GAP, 0.5), y: top, height: height(amount), class: name });
  const columns = bars.map(({ day, all, part }, at) => {
    const hint = `${day}: ${whole(all)}${partName ? `, ${whole(part)} ${partName}` : ""}`;
    const lower = rectangle(at, all - part, floor - height(all - part), kind);
    const upper = rectangle(at, part, floor - height(all), "cached");
    return shape("g", {}, shape("title", {}, hint), lower, upper);
  });
  const text = (content, x, y, anchor) => shape("text", { x, y, "text-anchor": anchor }, content);
  return shape("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    ...columns,
    shape("line", { x1: 0, x2: WIDTH, y1: floor, y2: floor }),
    text(whole(most), 0, FOOT - 4, "start"),
    text(bars[0].day, 0, HEIGHT - 3, "start"),
    text(bars.at(-1).day, WIDTH, HEIGHT - 3, "end"));
}
