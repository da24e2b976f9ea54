// Makes the page of an evaluation explorable: curve, details, comparison, slider, table.
'use strict';
(() => {
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

  // ---- Details of the point that is pointed at.

  function measures(point) {
    const rows = columns.map((column, i) => {
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
        make('p', {class: 'note', dir: 'auto'}, describe(point)), measures(point),
        ...promptsOf(point.pictures).flatMap((prompt) => strip(point, prompt)));
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

  function compareMeasures(a, b) {
    const rows = columns.map((column, i) => {
      const [x, y] = [a.values[i][0], b.values[i][0]];
      if (x === null && y === null) return null;
      return make('tr', null, make('th', {scope: 'row'}, column.name),
                  make('td', null, format(x, column.decimals)),
                  make('td', null, format(y, column.decimals)),
                  make('td', null, x === null || y === null ? '\u2013' :
                      withSign(y - x, column.decimals)));
    });
    return make('table', {class: 'measures'},
                make('thead', null, make('tr', null, ['', 'A', 'B', 'B \u2212 A'].map(
                    (text) => make('th', {scope: 'col'}, text)))),
                make('tbody', null, rows));
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
    const select = make('select', {'aria-label': name, onchange: () => onchange(select.selectedIndex)},
                        texts.map((text) => make('option', null, text)));
    return [select, make('label', null, name, select)];
  };

  // ---- The slider along a family.

  function prepareWay() {
    const ways = families.filter((family) => family.along.length > 1 &&
        family.along.some((index) => points[index].pictures.length));
    const section = $('way');
    if (!ways.length) return;
    let way = ways[0], keys = [];
    const slider = make('input', {type: 'range', min: 0, step: 1, 'aria-label': 'weight'});
    const value = make('output', {'aria-live': 'polite'});
    const numbers = make('div');
    const single = make('figure', {class: 'single'});
    const film = make('ul', {class: 'strip'});
    const [familySelect, familyLabel] = selectOf('family', ways.map((family) => family.name),
                                                 (i) => { way = ways[i]; start(); });
    const [promptSelect, promptLabel] = selectOf('prompt', [], () => { listNoises(); fill(); });
    const [noiseSelect, noiseLabel] = selectOf('noise', [], () => fill());
    const pictures = () => way.along.flatMap((index) => points[index].pictures);
    const options = (select, texts) =>
        select.replaceChildren(...texts.map((text) => make('option', null, text)));

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
    section.replaceChildren(make('h2', null, 'Along a family'),
        make('div', {class: 'pickers'}, ways.length > 1 ? familyLabel : null, promptLabel,
             noiseLabel),
        make('div', {class: 'bench'}, make('div', null, single),
             make('div', null, make('div', {class: 'head'}, make('span', {dir: 'auto'}, 'weight'),
                                    value), slider, film, numbers)));
    section.hidden = false;
    familySelect.selectedIndex = 0;
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
})();
