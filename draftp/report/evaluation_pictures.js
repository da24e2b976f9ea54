// The first part of the script of an evaluation's page: its data, elements, details of a point, and
// two points side by side. evaluation_page.js is the second.
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const {points, families, columns, prompts} = data;
const $ = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const kShownAtOnce = 24;  // pictures of one prompt in the details

const state = {reward: 0, current: -1, chosen: [], off: new Set()};
const keyOf = (picture) => `${picture.prompt}/${picture.image}`;
points.forEach((point) => {
  point.at = new Map(point.pictures.map((picture) => [keyOf(picture), picture]));
});

// ---- Elements. No text is ever read as markup.

function put(element, properties, ...children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}
const make = (tag, properties, ...children) =>
    put(document.createElement(tag), properties, ...children);
const makeSvg = (tag, properties, ...children) =>
    put(document.createElementNS('http://www.w3.org/2000/svg', tag), properties, ...children);

function swatch(point) {
  const family = families[point.family];
  return makeSvg('svg', {class: `swatch ${family.css}${point.pareto ? ' pareto' : ''}`,
                         viewBox: '-8 -8 16 16', 'aria-hidden': 'true'},
                 makeSvg('path', {class: 'mark', d: family.mark}));
}

const minus = (text) => text.replace(/^-/, '\u2212');
function format(value, decimals) {
  if (value === null || value === undefined) return '\u2013';
  if (decimals < 0) return minus(String(Number(value.toPrecision(4))));
  return minus(value.toFixed(decimals));
}
const withSign = (value, decimals) => (value > 0 ? '+' : '') + format(value, decimals);
const scoreDecimals = columns[0].decimals < 0 || data.rewards === 0 ? 3 :
    Math.min(columns[0].decimals, 3);
const scoreOf = (picture) => (picture ? format(picture.score, scoreDecimals) : '\u2013');
const promptText = (index) => prompts[index] ?? `prompt ${index + 1}`;

// The thumbnail, or a grey square that says what is missing.
function image(picture, text) {
  if (!picture || !picture.thumbnail) {
    return make('span', {class: 'missing', role: 'img', 'aria-label': `${text}: no picture`},
                '\u2013');
  }
  const element = make('img', {alt: text, width: 96, decoding: 'async',
                               src: `data:image/jpeg;base64,${picture.thumbnail}`});
  element.addEventListener('load', () => {
    element.classList.toggle('tiny', element.naturalWidth < 72);
  });
  return element;
}

// A large picture: the thumbnail at once, the original when it is there.
let originalsLie = true;  // beside the page, until one doesn't
const seen = new IntersectionObserver((entries) => {
  entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    seen.unobserve(entry.target);
    setTimeout(() => { if (entry.target.isConnected) entry.target.bring(); }, 120);
  });
});
function largeImage(picture, text) {
  const element = image(picture, text);
  element.decoding = 'sync';
  if (!picture || !picture.original) return element;
  element.bring = () => {
    if (!originalsLie) return;
    const original = new Image();
    original.addEventListener('load', () => { element.src = original.src; });
    original.addEventListener('error', () => { originalsLie = false; });
    original.src = picture.original;
  };
  seen.observe(element);
  return make('a', {href: picture.original, target: '_blank', rel: 'noopener'}, element);
}

function describe(point) {
  const parts = [families[point.family].name];
  if (point.parameter !== null) parts.push(format(point.parameter, -1));
  parts.push(`${point.images} images`);
  if (point.pareto) parts.push('in the Pareto set');
  return parts.filter((part) => part).join(' \u00b7 ');
}

// Prompts of the pictures, ascending.
const promptsOf = (pictures) =>
    [...new Set(pictures.map((picture) => picture.prompt))].sort((a, b) => a - b);
const byImage = (a, b) => a.image - b.image;

// ---- Details of the point that is pointed at: what the curve shows, its pictures, the rest.

const isHeadline = (column, index) => index < data.rewards || column.name === 'diversity';

// Of the columns whose headline is as asked, or of all.
function measures(point, headline) {
  const rows = columns.map((column, i) => {
    if (headline !== undefined && headline !== isHeadline(column, i)) return null;
    const [mean, low, high] = point.values[i];
    if (mean === null) return null;
    const interval = low === null || high === null ? null : make('small', null,
        `${format(low, column.decimals)} \u2013 ${format(high, column.decimals)}`);
    return make('tr', null, make('th', {scope: 'row'}, column.name),
                make('td', null, format(mean, column.decimals), interval));
  });
  return make('table', {class: 'measures'}, make('tbody', null, rows));
}

function strip(point, prompt) {
  const pictures = point.pictures.filter((picture) => picture.prompt === prompt).sort(byImage);
  const item = (picture) => make('li', null,
      make('a', {href: picture.original || null, target: '_blank', rel: 'noopener'},
           image(picture, `${promptText(prompt)}, image ${picture.image + 1}`),
           scoreOf(picture)));
  const list = make('ul', {class: 'strip'}, pictures.slice(0, kShownAtOnce).map(item));
  const rest = pictures.slice(kShownAtOnce);
  if (rest.length) {
    const more = make('button', {type: 'button', onclick: () => {
      more.parentElement.replaceWith(...rest.map(item));
    }}, `${rest.length} more`);
    list.append(make('li', null, more));
  }
  return [make('h4', {class: 'prompt', dir: 'auto'}, promptText(prompt)), list];
}

function show(index) {
  if (index === state.current) return;
  state.current = index;
  const point = points[index];
  const choice = make('button', {type: 'button', id: 'choose', onclick: () => choose(index)});
  const details = $('details');
  details.replaceChildren(
      make('div', {class: 'head'}, make('h3', {dir: 'auto'}, swatch(point), ' ', point.name),
           choice),
      make('p', {class: 'note', dir: 'auto'}, describe(point)), measures(point, true),
      ...promptsOf(point.pictures).flatMap((prompt) => strip(point, prompt)),
      measures(point, false));
  details.scrollTop = 0;
  mark();
}

// What is current and chosen, in curve, table and button.
function mark() {
  all('.point').forEach((group) => {
    const index = Number(group.dataset.point);
    const place = state.chosen.indexOf(index);
    group.classList.toggle('current', index === state.current);
    group.classList.toggle('chosen', place >= 0);
    group.setAttribute('aria-pressed', String(place >= 0));
    group.tabIndex = index === state.current ? 0 : -1;
    group.querySelector('.badge')?.remove();
    if (place < 0) return;
    group.append(makeSvg('g', {class: 'badge'}, makeSvg('circle', {r: 7.5, cy: -16}),
                         makeSvg('text', {y: -16, dy: '.36em'}, 'AB'[place])));
  });
  all('tr[data-point]').forEach((row) => {
    row.classList.toggle('current', Number(row.dataset.point) === state.current);
  });
  const place = state.chosen.indexOf(state.current);
  const choice = $('choose');
  if (choice) {
    choice.textContent = place >= 0 ? `Chosen as ${'AB'[place]}` : 'Compare';
    choice.setAttribute('aria-pressed', String(place >= 0));
  }
}

// A third choice takes the place of the older one.
function choose(index) {
  const place = state.chosen.indexOf(index);
  if (place >= 0) state.chosen.splice(place, 1);
  else state.chosen.push(index);
  if (state.chosen.length > 2) state.chosen.shift();
  show(index);
  mark();
  compare();
}

// ---- Two points on the same noise.

// B - A, with its interval where that is known.
function differenceOf(a, b, column, index) {
  const plain = a.values[index][0] === null || b.values[index][0] === null ? null :
      b.values[index][0] - a.values[index][0];
  const key = index === 0 ? 'reward' : column.name === 'diversity' ? 'diversity' : null;
  const [from, to] = [points.indexOf(a), points.indexOf(b)];
  const known = key === null ? undefined : data.differences.find((one) =>
      [one.from, one.point].includes(from) && [one.from, one.point].includes(to));
  if (from === to || !known || known[key][0] === null) return [plain, null, null];
  const [mean, low, high] = known[key];
  return known.point === to ? [mean, low, high] : [-mean, -high, -low];
}

function differenceCell(a, b, column, index) {
  const [mean, low, high] = differenceOf(a, b, column, index);
  if (mean === null) return make('td', null, '\u2013');
  if (low === null) return make('td', null, withSign(mean, column.decimals));
  // Two digits of the interval's half.
  const digits = high > low ? 1 - Math.floor(Math.log10((high - low) / 2)) : 0;
  const decimals = column.decimals < 0 ? -1 : Math.max(column.decimals, Math.min(digits, 6));
  return make('td', {class: low > 0 || high < 0 ? 'clear' : null}, withSign(mean, decimals),
              make('small', null, `${withSign(low, decimals)} \u2013 ${withSign(high, decimals)}`));
}

function compareMeasures(a, b) {
  const rows = columns.map((column, i) => {
    const [x, y] = [a.values[i][0], b.values[i][0]];
    if (x === null && y === null) return null;
    return make('tr', null, make('th', {scope: 'row'}, column.name),
                make('td', null, format(x, column.decimals)),
                make('td', null, format(y, column.decimals)), differenceCell(a, b, column, i));
  });
  return make('div', null, make('table', {class: 'measures'},
      make('thead', null, make('tr', null, ['', 'A', 'B', 'B \u2212 A'].map(
          (text) => make('th', {scope: 'col'}, text)))),
      make('tbody', null, rows)),
      data.differences.length === 0 ? null : make('p', {class: 'note'},
          'Intervals of B \u2212 A are of pictures of the same noise: what prompts have in common ' +
          'is gone from them. Where one doesn\u2019t hold 0, it stands out.'));
}

function largePair(a, b, key) {
  const figure = (point, letter) => make('figure', null,
      largeImage(point.at.get(key), point.name),
      make('figcaption', null, make('span', {class: 'letter'}, letter),
           make('span', {dir: 'auto'}, point.name),
           make('span', {class: 'score'}, scoreOf(point.at.get(key)))));
  return [figure(a, 'A'), figure(b, 'B')];
}

function pairButton(a, b, key, turnTo) {
  const [x, y] = [a.at.get(key), b.at.get(key)];
  const known = x && y && x.score !== null && y.score !== null;
  return make('button', {type: 'button', class: 'pair', 'data-key': key,
                         onclick: () => turnTo(key, true)},
              make('span', {class: 'two'}, image(x, a.name), image(y, b.name)),
              known ? `${scoreOf(x)} | ${scoreOf(y)}` : '\u2013');
}

function compare() {
  const section = $('comparison');
  section.hidden = state.chosen.length < 1;
  if (section.hidden) return;
  const heading = make('h2', null, 'Side by side');
  const [a, b] = state.chosen.map((index) => points[index]);
  if (!b) {
    section.replaceChildren(heading, make('p', {dir: 'auto'},
        `A is ${a.name}. Choose a second point to see both on the same noise.`));
    return;
  }
  const keys = [...new Set([...a.pictures, ...b.pictures].sort(
      (x, y) => x.prompt - y.prompt || x.image - y.image).map(keyOf))];
  const large = make('div', {class: 'large'});
  const where = make('div', {class: 'turn', 'aria-live': 'polite'});
  const step = (by) => turnTo(keys[(keys.indexOf(state.pair) + by + keys.length) % keys.length]);
  function turnTo(key, scroll) {
    state.pair = key;
    const [prompt, number] = key.split('/').map(Number);
    large.replaceChildren(...largePair(a, b, key));
    where.replaceChildren(make('span', {class: 'prompt', dir: 'auto'}, promptText(prompt)),
                          `noise ${number + 1}, pair ${keys.indexOf(key) + 1} of ${keys.length}`);
    all('.pair', section).forEach((pair) => {
      pair.setAttribute('aria-current', String(pair.dataset.key === key));
    });
    if (scroll) large.scrollIntoView({block: 'nearest'});
  }
  const button = (text, label, by) => make(
      'button', {type: 'button', 'aria-label': label, onclick: () => step(by)}, text);
  const groups = promptsOf([...a.pictures, ...b.pictures]).flatMap((prompt) => [
    make('h3', {class: 'prompt', dir: 'auto'}, promptText(prompt)),
    make('ul', {class: 'pairs'}, keys.filter((key) => key.startsWith(`${prompt}/`)).map(
        (key) => make('li', null, pairButton(a, b, key, turnTo)))),
  ]);
  const left = keys.length === 0 ? make('p', null, 'Neither has pictures.') :
      make('div', null, large, where, make('div', {class: 'turn'},
           button('\u2190', 'Previous pair', -1), button('\u2192', 'Next pair', 1)));
  section.replaceChildren(heading, make('div', {class: 'bench'}, left, compareMeasures(a, b)),
                          ...groups);
  if (keys.length) turnTo(keys.includes(state.pair) ? state.pair : keys[0]);
}
