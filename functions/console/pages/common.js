// What the pages behind emailed links share. A link's token stands in the URL's fragment, which browsers send nowhere; it
// goes to the API in request bodies only. Everything that is shown is set as text, never as markup.
'use strict';

const $ = (id) => document.getElementById(id);
const DOING = 25_000; // milliseconds that a change may take: the API ends it by itself before

// Where somebody goes who is done; empty where the deployment doesn't say.
const APP = document.querySelector('meta[name=app-url]').content;

// What refusals say, by the problem's code; each page adds its own.
const SAID = {
  'rate-limited': ({ wait }) => `That was too often. Try again ${wait || 'a little later'}.`,
  conflict: ({ detail }) => sentence(detail),
  silent: () => 'The server did not answer. Nothing is lost: try again in a moment.',
  offline: () => 'The server can’t be reached. Check your connection and try again.',
};

let opened = 0; // counts the links that this tab opened: what comes late is about an older one

// Begins with another link; answers its number.
function another() {
  // what still runs is about an older link
  for (const button of document.querySelectorAll('button')) button.disabled = false;
  return ++opened;
}

// The token in the address. Mail programs take the full stop or bracket behind a link for a part of it.
function readToken(length) {
  let text = location.hash.slice(1);
  try { text = decodeURIComponent(text); } catch { /* as it is */ }
  return (text.match(new RegExp(`[A-Za-z0-9_-]{${length}}`)) || [text.trim()])[0];
}

// An Idempotency-Key.
const newKey = () => crypto.randomUUID?.() || `${Date.now()}-${Math.random()}`;

// "in 3 minutes", of a Retry-After in seconds.
function waiting(seconds) {
  if (!(seconds > 0)) return '';
  const [n, unit] = seconds < 90 ? [seconds, 'second'] : seconds < 5_400 ? [Math.ceil(seconds / 60), 'minute'] : [Math.ceil(seconds / 3_600), 'hour'];
  return `in ${n} ${unit}${n === 1 ? '' : 's'}`;
}

// Asks the API. A gateway, a proxy or a network may answer instead of it, or nobody: each of these is a problem too.
// `isDone` knows what the API answers where it did what was asked: a hotel's network answers 200 with a page of its own.
async function post(path, body, isDone, headers = {}, patience = DOING) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), patience);
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: stop.signal,
    });
    const text = await response.text();
    let answer = {};
    try { answer = JSON.parse(text) || {}; } catch { /* a page, or nothing */ }
    if (response.ok) return isDone(answer, response.status) ? { ok: true, answer } : { ok: false, problem: { code: 'broken' } };
    const wait = waiting(Number(response.headers.get('Retry-After')));
    const code = answer.code || (response.status === 429 ? 'rate-limited' : 'broken');
    return { ok: false, problem: { ...answer, code, wait } };
  } catch {
    return { ok: false, problem: { code: stop.signal.aborted ? 'silent' : 'offline' } };
  } finally {
    clearTimeout(timer);
  }
}

function sentence(text) {
  const full = text.replaceAll('`', '');
  return `${full[0].toUpperCase()}${full.slice(1)}${/[.!?]$/.test(full) ? '' : '.'}`;
}

function explain(problem) {
  const said = SAID[problem.code];
  return said ? said(problem) : 'Something went wrong on our side. Nothing is lost: try again in a moment.';
}

// Shows one section and no other.
function only(id) {
  for (const section of document.querySelectorAll('section')) section.hidden = section.id !== id;
}

// Shows one section, and moves whoever reads or listens there.
function show(id, heading) {
  only(id);
  document.title = heading.textContent;
  $('status').textContent = heading.textContent;
  heading.focus();
}

// What is sent of a form: each has a name, which is its id too.
const fields = (form) => [...form.elements].filter(({ name }) => name);

// Says what is wrong with which field of a form, and nothing of the others.
function mark(form, errors) {
  $(`${form.id}-error`).textContent = errors.form || '';
  for (const field of fields(form)) {
    $(`${field.id}-error`).textContent = errors[field.id] || '';
    field.setAttribute('aria-invalid', errors[field.id] ? 'true' : 'false');
  }
  fields(form).find((field) => errors[field.id])?.focus();
}

// Says why the API refused a form: at the fields that it names, or else below them.
function refuse(form, problem) {
  const errors = {};
  for (const { pointer, detail } of problem.errors || []) errors[pointer.slice(1)] = sentence(detail);
  if (!fields(form).some((field) => errors[field.id])) errors.form = explain(problem);
  mark(form, errors);
}

async function busy(work) {
  const link = opened;
  const buttons = [...document.querySelectorAll('button')];
  const focused = document.activeElement;
  for (const button of buttons) button.disabled = true;
  try {
    await work(() => link === opened);
  } finally {
    if (link !== opened) return;
    for (const button of buttons) button.disabled = false;
    // a disabled button loses the focus: it gets it back, unless something else has it by now
    if (document.activeElement === document.body && focused?.offsetParent) focused.focus();
  }
}

function onSubmit(form, work) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    busy((current) => {
      mark(form, {});
      return work(current);
    });
  });
}

for (const form of document.forms) {
  for (const field of fields(form)) {
    // what is being mended is not marked any more
    field.addEventListener('input', () => {
      $(`${field.id}-error`).textContent = $(`${form.id}-error`).textContent = '';
      field.setAttribute('aria-invalid', 'false');
    });
  }
}

// where there is a password to be shown
$('show')?.addEventListener('change', () => { $('password').type = $('show').checked ? 'text' : 'password'; });
