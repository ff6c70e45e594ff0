// What a person would stumble over in the page as it stands, as "kind: what and where".
// `pairs`: every pair of text and ground, with where it is first seen; forced dark is measured from these.
({ width, state, isLetter, language, right }) => {
  const complaints = new Set(), pairs = {};
  const say = (kind, what) => complaints.add(`${kind}: ${what}`);
  const short = text => text.replace(/\s+/g, ' ').trim().slice(0, 40);
  const parse = colour => { const v = colour.match(/[\d.]+/g).map(Number); return [v[0], v[1], v[2], v[3] ?? 1]; };
  const over = (top, below) => [0, 1, 2].map(i => Math.round(top[i] * top[3] + below[i] * (1 - top[3]))).concat(1);
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  const canvas = matchMedia('(prefers-color-scheme: dark)').matches &&
    /dark/.test(getComputedStyle(document.documentElement).colorScheme) ? [18, 18, 18, 1] : [255, 255, 255, 1];
  const known = new Map();
  const ground = e => {
    if (!known.has(e)) known.set(e, below(e));
    return known.get(e);
  };
  const below = e => {
    const layers = [];
    for (; e; e = e.parentElement) {
      const style = getComputedStyle(e), colour = parse(style.backgroundColor);
      if (style.backgroundImage !== 'none') say('pale', `cannot be measured on a background image: ${short(e.textContent)}`);
      if (style.opacity !== '1') say('pale', `cannot be measured through opacity: ${short(e.textContent)}`);
      if (colour[3]) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), canvas);
  };
  const stands = (e, run, what) => {
    const under = ground(e), colour = over(parse(getComputedStyle(e).color), under).slice(0, 3), got = ratio(colour, under.slice(0, 3));
    const { x, y, width, height } = run.getBoundingClientRect();
    if (width > 20) pairs[`${colour}/${under.slice(0, 3)}`] ??= { what, box: [x + scrollX, y + scrollY, width, height].map(Math.round) };
    if (got < 4.5) say('pale', `${got.toFixed(2)}:1 ${colour} on ${under.slice(0, 3)}: ${what}`);
  };

  // words and numbers in the cells of a table: a reader who has the style block never meets one in two lines
  for (const cell of width < 375 || !/^(normal|no-pictures)$/.test(state) ? [] : document.querySelectorAll('table:not([role]) :is(td, th)')) {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const node = texts.currentNode, box = document.createRange();
      if (node.data.includes('://') || cell.querySelector('table')) continue;
      for (const found of node.data.matchAll(/(?<![\p{L}\p{N}\/._-])(\p{Script=Latin}{2,12}|\p{Nd}[\p{Nd}.,:\/]*\p{Nd})(?![\p{Script=Latin}\p{N}\/_-])/gu)) {
        box.setStart(node, found.index);
        box.setEnd(node, found.index + found[0].length);
        const tops = [...box.getClientRects()].filter(r => r.width).map(r => r.top);
        if (Math.max(...tops) - Math.min(...tops) > 4) say('torn', `${found[0]} in ${short(cell.textContent)}`);
      }
    }
  }

  const root = document.documentElement;
  if (root.scrollWidth > width && !(state === 'outlook' && width < 600)) {
    const wide = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > width + 1 || e.getBoundingClientRect().left < -1).pop();
    say('scroll', `${root.scrollWidth} px wide: ${wide ? `<${wide.tagName.toLowerCase()}> ${short(wide.textContent || wide.src || '')}` : ''}`);
  }
  if (root.lang !== language) say('lang', `the page says ${root.lang}`);

  // every run of text: size, contrast, language, direction
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data.trim(), e = walk.currentNode.parentElement;
    if (!text.replace(/[\u034f\u200b-\u200f\u2066-\u2069\u00a0]/g, '') || !e.getClientRects().length || /STYLE|TITLE|SCRIPT/.test(e.tagName)) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    if (size < 14) say('small', `${size} px: ${short(text)}`);
    const run = document.createRange();
    run.selectNodeContents(walk.currentNode);
    stands(e, run, short(text));
    const lang = e.closest('[lang]')?.lang ?? '', base = lang.split('-')[0], turned = e.closest('bdi, [dir]');
    if (/[\u3040-\u30fa]/.test(text) && base !== 'ja') say('lang', `kana in ${lang}: ${short(text)}`);
    if (/\p{Script=Han}/u.test(text) && !['ja', 'zh'].includes(base)) say('lang', `Han in ${lang}: ${short(text)}`);
    if (/\p{Script=Arabic}/u.test(text) && (!right.includes(base) || style.direction !== 'rtl')) say('lang', `Arabic in ${lang}, ${style.direction}: ${short(text)}`);
    if (/\p{L}/u.test(text) && lang && (style.direction === 'rtl') !== right.includes(base) && !e.closest('bdi, [dir=ltr]')) say('dir', `${style.direction} in ${lang}: ${short(text)}`);
    const words = text.replace(/\S*[@/.]\S*/g, '').match(/\p{Script=Latin}{2,}/gu) ?? [];
    const own = /[\u3040-\u30fa]|\p{Script=Han}|\p{Script=Arabic}/u.test(text);
    if (words.length > 2 && !own && ['ja', 'zh', ...right].includes(base) && !e.closest('bdi')) say('lang', `Latin words in ${lang}: ${short(text)}`);
    if (words.length > 1 && !own && style.direction === 'rtl') say('dir', `Latin words from right to left: ${short(text)}`);
  }

  for (const e of document.querySelectorAll('[lang]'))
    if (e !== root && getComputedStyle(e).direction !== (right.includes(e.lang.split('-')[0]) ? 'rtl' : 'ltr')) say('dir', `${e.lang} runs ${getComputedStyle(e).direction}: ${short(e.textContent)}`);

  for (const image of document.images) {
    if (!image.hasAttribute('alt')) say('alt', image.src);
    else if (image.alt && image.getClientRects().length) stands(image, image, `instead of the picture: ${short(image.alt)}`);
  }

  // fingers: a link inside a sentence is as high as its line; the Word engine is on machines with a mouse
  for (const a of state === 'outlook' ? [] : document.links) {
    if (!a.getClientRects().length) continue;
    let block = a;
    while (getComputedStyle(block).display === 'inline') block = block.parentElement;
    const around = block === a ? '' : [...block.childNodes].reduce(function gather(all, n) {
      return n.nodeType === 3 ? all + n.data : n.nodeType === 1 && n.tagName !== 'A' ? [...n.childNodes].reduce(gather, all) : all; }, '');
    const box = a.getBoundingClientRect();
    if (!/[\p{L}\p{N}]/u.test(around) && box.height < 43.99) say('target', `${Math.round(box.width)}×${Math.round(box.height)}: ${short(a.textContent)}`);
  }

  // columns of one row: beside each other, or below each other from the same edge
  const rows = Map.groupBy(document.querySelectorAll('.column'), e => e.closest('tr'));
  let several = 0;
  for (const columns of rows.values()) {
    const boxes = columns.map(e => e.getBoundingClientRect());
    several += boxes.length > 1;
    for (let i = 1; i < boxes.length; i++) {
      const [a, b] = [boxes[i - 1], boxes[i]];
      const beside = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0 && (a.right <= b.left + 1 || b.right <= a.left + 1);
      const below = b.top >= a.bottom - 1;
      if (width >= 600 ? !beside : width <= 375 && state !== 'outlook' && !below) say('columns', `${width >= 600 ? 'not beside' : 'not below'}: ${short(columns[i].textContent)}`);
    }
  }
  if (isLetter && !several) say('columns', 'there are none');
  return { complaints: [...complaints], pairs };
}
