// The second part of the script of an evaluation's page, behind evaluation_pictures.js: the curve,
// the slider, the table, and the start.

// ---- The curve: pointer, keys, rewards, families.

const figures = all('figure[data-reward]');
const isShown = (group) => !state.off.has(Number(group.dataset.family));
const groupsNow = () => (figures[state.reward] ? all('.point', figures[state.reward]) : [])
    .filter(isShown);
const placeOf = (group) => {
  const box = group.querySelector('.mark').getBoundingClientRect();
  return [box.left + box.width / 2, box.top + box.height / 2];
};

// The nearest point within 30 pixels of the pointer.
function nearest(event) {
  let best = null, least = 30;
  for (const group of groupsNow()) {
    const [x, y] = placeOf(group);
    const distance = Math.hypot(event.clientX - x, event.clientY - y);
    if (distance < least) [best, least] = [group, distance];
  }
  return best;
}

// Right and left go along diversity, up and down along the reward.
function onKey(event) {
  const group = event.target.closest('.point');
  if (!group) return;
  if (event.key === 'Enter' || event.key === ' ') choose(Number(group.dataset.point));
  else if (event.key === 'Escape') { state.chosen = []; mark(); compare(); }
  else {
    const sideways = ['ArrowLeft', 'ArrowRight', 'Home', 'End'].includes(event.key);
    const upwards = ['ArrowUp', 'ArrowDown'].includes(event.key);
    if (!sideways && !upwards) return;
    const order = groupsNow().map((other) => [other, placeOf(other)]).sort(
        (a, b) => (sideways ? a[1][0] - b[1][0] : b[1][1] - a[1][1])).map((pair) => pair[0]);
    const by = ['ArrowRight', 'ArrowUp'].includes(event.key) ? 1 : -1;
    const to = event.key === 'Home' ? 0 : event.key === 'End' ? order.length - 1 :
        Math.min(Math.max(order.indexOf(group) + by, 0), order.length - 1);
    order[to].focus();
  }
  event.preventDefault();
}

function prepareCurve(figure) {
  const svg = figure.querySelector('svg');
  all('.point', figure).forEach((group) => {
    const point = points[Number(group.dataset.point)];
    group.querySelector('title')?.remove();
    group.setAttribute('role', 'button');
    group.setAttribute('aria-label', `${point.name}, ${describe(point)}`);
    group.insertBefore(makeSvg('circle', {class: 'ring', r: 10}), group.querySelector('.mark'));
    group.addEventListener('focus', () => show(Number(group.dataset.point)));
  });
  svg.addEventListener('pointermove', (event) => {
    const group = nearest(event);
    if (group) show(Number(group.dataset.point));
  });
  svg.addEventListener('click', (event) => {
    const group = nearest(event);
    if (group) choose(Number(group.dataset.point));
  });
  svg.addEventListener('keydown', onKey);
}

function showReward(reward) {
  state.reward = reward;
  figures.forEach((figure, i) => { figure.hidden = i !== reward; });
}

function prepareLegend() {
  all('.legend li').forEach((item) => {
    const family = Number(item.dataset.family);
    const button = make('button', {type: 'button', 'aria-pressed': 'true', onclick: () => {
      if (!state.off.delete(family)) state.off.add(family);
      button.setAttribute('aria-pressed', String(!state.off.has(family)));
      all(`figure [data-family="${family}"]`).forEach((element) => {
        element.classList.toggle('off', state.off.has(family));
      });
    }}, ...item.childNodes);
    item.replaceChildren(button);
  });
}

const selectOf = (name, texts, onchange) => {
  const select = make('select', {'aria-label': name,
                                onchange: () => onchange(select.selectedIndex)},
                      texts.map((text) => make('option', null, text)));
  return [select, make('label', null, name, select)];
};

// ---- The slider along a family.

const options = (select, texts) =>
    select.replaceChildren(...texts.map((text) => make('option', null, text)));

function prepareWay() {
  const ways = families.filter((family) => family.along.length > 1 &&
      family.along.some((index) => points[index].pictures.length));
  if (!ways.length) return;
  let way = ways[0], keys = [];
  const slider = make('input', {type: 'range', min: 0, step: 1, 'aria-label': 'weight'});
  const value = make('output', {'aria-live': 'polite'});
  const numbers = make('div');
  const single = make('figure', {class: 'single'});
  const film = make('ul', {class: 'strip'});
  const [, familyLabel] = selectOf('family', ways.map((family) => family.name),
                                   (i) => { way = ways[i]; start(); });
  const [promptSelect, promptLabel] = selectOf('prompt', [], () => { listNoises(); fill(); });
  const [noiseSelect, noiseLabel] = selectOf('noise', [], () => fill());
  const pictures = () => way.along.flatMap((index) => points[index].pictures);

  function listNoises() {
    const prompt = promptsOf(pictures())[promptSelect.selectedIndex];
    keys = [...new Set(pictures().filter((picture) => picture.prompt === prompt).sort(byImage)
        .map(keyOf))];
    options(noiseSelect, keys.map((key) => String(Number(key.split('/')[1]) + 1)));
  }
  function start() {
    slider.max = way.along.length - 1;
    slider.value = Math.floor(way.along.length / 2);
    options(promptSelect, promptsOf(pictures()).map(promptText));
    listNoises();
    fill();
  }
  // All along the family for one prompt and noise.
  function fill() {
    const key = keys[noiseSelect.selectedIndex];
    film.replaceChildren(...way.along.map((index, i) => make('li', null,
        make('button', {type: 'button', onclick: () => { slider.value = i; move(); }},
             image(points[index].at.get(key), points[index].name),
             format(points[index].parameter, -1)))));
    move();
  }
  function move() {
    const index = way.along[slider.value], point = points[index];
    const picture = point.at.get(keys[noiseSelect.selectedIndex]);
    value.textContent = format(point.parameter, -1);
    slider.setAttribute('aria-valuetext', `${value.textContent}, ${point.name}`);
    single.replaceChildren(largeImage(picture, point.name),
        make('figcaption', null, swatch(point), make('span', {dir: 'auto'}, point.name),
             make('span', {class: 'score'}, scoreOf(picture))));
    numbers.replaceChildren(measures(point));
    all('button', film).forEach((button, i) => {
      button.setAttribute('aria-current', String(i === Number(slider.value)));
    });
  }
  slider.addEventListener('input', move);
  $('way').replaceChildren(make('h2', null, 'Along a family'),
      make('div', {class: 'pickers'}, ways.length > 1 ? familyLabel : null, promptLabel,
           noiseLabel),
      make('div', {class: 'bench'}, make('div', null, single),
           make('div', null, make('div', {class: 'head'}, make('span', {dir: 'auto'}, 'weight'),
                                  value), slider, film, numbers)));
  $('way').hidden = false;
  start();
}

// ---- The table.

function sortBy(header, index, table) {
  const body = table.tBodies[0];
  const isNumber = header.classList.contains('number');
  const was = header.getAttribute('aria-sort');
  const descending = was ? was === 'ascending' : isNumber;
  all('th[aria-sort]', table).forEach((other) => other.removeAttribute('aria-sort'));
  header.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
  const cell = (row) => row.cells[index];
  const compareRows = (a, b) => {
    if (!isNumber) {
      const order = cell(a).textContent.localeCompare(cell(b).textContent, undefined,
                                                      {numeric: true});
      return descending ? -order : order;
    }
    const [x, y] = [cell(a), cell(b)].map((one) => one.dataset.value);
    // What wasn't measured stands last in both orders.
    if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
    return descending ? y - x : x - y;
  };
  body.append(...[...body.rows].sort(compareRows));
}

function prepareTable() {
  const table = $('numbers');
  if (!table) return;
  [...table.tHead.rows[0].cells].forEach((header, index) => {
    header.replaceChildren(make('button', {type: 'button', onclick: () =>
        sortBy(header, index, table)}, header.textContent));
  });
  all('tr[data-point]', table).forEach((row) => {
    const index = Number(row.dataset.point);
    const name = row.querySelector('.point-name');
    name.replaceChildren(make('button', {type: 'button', onclick: () => choose(index)},
                              name.textContent));
    row.addEventListener('pointerenter', () => show(index));
    name.addEventListener('focusin', () => show(index));
  });
}

// ---- Start.

figures.forEach(prepareCurve);
if (figures.length > 1) {
  const [, label] = selectOf('reward', columns.slice(0, data.rewards).map((c) => c.name),
                             showReward);
  $('tools').append(label);
}
showReward(0);
prepareLegend();
prepareWay();
prepareTable();
if (points.length) {
  $('details').hidden = false;
  const first = groupsNow().find((group) => group.classList.contains('pareto')) ||
      groupsNow()[0];
  show(first ? Number(first.dataset.point) : 0);
}
