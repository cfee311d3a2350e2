// The page behind the emailed link. The token stands in the URL's fragment, which browsers send nowhere; it goes to the
// API in request bodies only. Everything that is shown is set as text, never as markup.
'use strict';

const $ = (id) => document.getElementById(id);
const FIELDS = ['first_name', 'last_name', 'password'];
const LOOKING = 10_000; // milliseconds that a preview may take
const DOING = 25_000; // and anything that changes something, which the API ends by itself before

const ROLES = {
  owner: 'Owner', admin: 'Admin', member: 'Member', sales_rep: 'Sales rep', partner: 'Outside partner',
};

// What an invitation that is over says, by the problem's code.
const OVER = {
  'not-found': ['This link is not valid', 'Open the link in the newest email again, ask who invited you to send it again, or sign up again.'],
  'invitation-expired': ['This link has expired', 'Links work for a limited time only. Ask who invited you for a new one, or sign up again.'],
  'invitation-revoked': ['This invitation is over', 'It was taken back, or a newer email has replaced it. Look for the newest email, or ask who invited you.'],
  'invitation-declined': ['You declined this invitation', 'Nobody emails you about it again. If you changed your mind, ask who invited you for a new one.'],
  'invitation-accepted': ['You have accepted already', 'Sign in with your email address and password.'],
};
const RENEWABLE = 'Links work for a limited time only. A fresh one goes to the same address.';
const CANCELLED = ['The sign-up is cancelled', 'The organization is not opened, and nobody emails you about it again.'];

// What other refusals say to somebody who was invited: the API's own words are for whoever invites.
const SAID = {
  'seats-exhausted': () => 'The team has no free place at the moment. Ask who invited you to make one, then try again.',
  'rate-limited': ({ wait }) => `That was too often. Try again ${wait || 'a little later'}.`,
  'email-in-use': () => 'This address belongs to another organization already. Ask who invited you to invite another address of yours.',
  'access-revoked': ({ detail }) => `You joined before, and your access has ended since: ${detail.replaceAll('`', '')}.`,
  'recipient-suppressed': () => 'Emails to this address came back. Ask who invited you to use another one.',
  conflict: ({ detail }) => sentence(detail),
  'idempotency-mismatch': () => 'It may have worked the first time. Reload this page to see.',
  silent: () => 'The server did not answer. Nothing is lost: try again in a moment.',
  offline: () => 'The server can’t be reached. Check your connection and try again.',
};

let token = '';
let signingUp = false;
let shortest = 0;
let key = ''; // of the acceptance, so that trying again can't join twice
let opened = 0; // counts the links that this tab opened: what comes late is about an older one

// The token in the address. Mail programs take the full stop or bracket behind a link for a part of it.
function readToken() {
  let text = location.hash.slice(1);
  try { text = decodeURIComponent(text); } catch { /* as it is */ }
  return (text.match(/[A-Za-z0-9_-]{86}/) || [text.trim()])[0];
}

// "in 3 minutes", of a Retry-After in seconds.
function waiting(seconds) {
  if (!(seconds > 0)) return '';
  const [n, unit] = seconds < 90 ? [seconds, 'second'] : seconds < 5_400 ? [Math.ceil(seconds / 60), 'minute'] : [Math.ceil(seconds / 3_600), 'hour'];
  return `in ${n} ${unit}${n === 1 ? '' : 's'}`;
}

// What the API answers where it did what was asked. A hotel's or a company's network answers 200 with a page of its own.
const DONE = {
  preview: (answer) => answer.tenant && answer.password_min_length,
  accept: (answer) => answer.member && answer.dropped_brands,
  decline: (_, status) => status === 204,
  renew: (answer) => answer.delivery,
};

// Asks the API. A gateway, a proxy or a network may answer instead of it, or nobody: each of these is a problem too.
async function call(verb, body = {}, headers = {}) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), verb === 'preview' ? LOOKING : DOING);
  try {
    const response = await fetch(`/v1/invitations/${verb}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify({ token, ...body }),
      signal: stop.signal,
    });
    const text = await response.text();
    let answer = {};
    try { answer = JSON.parse(text) || {}; } catch { /* a page, or nothing */ }
    if (response.ok) return DONE[verb](answer, response.status) ? { ok: true, answer } : { ok: false, problem: { code: 'broken' } };
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

// Shows one section, and moves whoever reads or listens there.
function show(id, heading) {
  for (const section of document.querySelectorAll('section')) section.hidden = section.id !== id;
  document.title = heading.textContent;
  $('status').textContent = heading.textContent;
  heading.focus();
}

// Where somebody goes who has joined; empty where the deployment doesn't say.
const APP = document.querySelector('meta[name=app-url]').content;

function over([heading, text], { again = false, renewable = false, declinable = renewable, go = '' } = {}) {
  $('over-heading').textContent = heading;
  $('over-text').textContent = text;
  $('over-error').textContent = '';
  $('again').hidden = !again;
  $('renew').hidden = !renewable;
  $('refuse').hidden = !declinable;
  $('go').hidden = !go;
  if (go) $('go').href = go;
  show('over', $('over-heading'));
}

// Shows that the invitation is over or on hold, if that is what the problem says.
function endedBy(problem) {
  if (problem.code === 'invitation-on-hold') {
    over(['Not now', sentence(problem.detail)], { again: true });
    return true;
  }
  const words = OVER[problem.code];
  if (!words) return false;
  const renewable = (problem.actions || []).some((action) => action.rel === 'renew');
  const declinable = problem.code === 'invitation-expired';
  const go = problem.code === 'invitation-accepted' ? APP : '';
  over(renewable ? [words[0], RENEWABLE] : words, { renewable, declinable, go });
  return true;
}

// You're in: kept with the place in the browser's history, so that reloading and coming back say so too.
function joined({ email, company, dropped }) {
  const gone = dropped ? ` ${dropped} of the brands that you were invited to ${dropped === 1 ? 'is' : 'are'} gone by now.` : '';
  const next = APP ? 'Sign in there with this address and your password.' : 'Sign in where you work with your team, with this address and your password.';
  over([`You’re in: welcome to ${company}`, `You joined as ${email}. ${next}${gone}`], { go: APP });
}

async function start() {
  const link = ++opened;
  signingUp = false;
  // what still runs is about an older link
  for (const button of document.querySelectorAll('button')) button.disabled = false;
  token = readToken();
  if (!token && history.state?.joined) return joined(history.state.joined);
  if (!token) return over(OVER['not-found']);
  for (const section of document.querySelectorAll('section')) section.hidden = section.id !== 'loading';
  $('moment').hidden = false;
  $('status').textContent = $('moment').textContent;
  const { ok, answer, problem } = await call('preview');
  if (link !== opened) return;
  if (ok) fill(answer);
  else if (!endedBy(problem)) over(['This did not work', explain(problem)], { again: true });
}

function fill(invitation) {
  const company = invitation.tenant.name;
  const { inviter, existing_user: existing } = invitation;
  signingUp = invitation.role === 'owner';
  shortest = existing ? 0 : invitation.password_min_length;
  key = crypto.randomUUID?.() || `${Date.now()}-${Math.random()}`;
  $('heading').textContent = signingUp ? `Confirm ${company}` : `Join ${company}`;
  $('lead').textContent = signingUp
    ? 'Your address was used to sign this organization up. Confirm it to become its owner.'
    : inviter ? `${inviter.first_name} ${inviter.last_name} invites you to the team.` : 'You are invited to the team.';
  $('email').textContent = $('username').value = invitation.email;
  $('role').textContent = ROLES[invitation.role] || invitation.role;
  $('brands').textContent = invitation.brands === 'all'
    ? 'All brands'
    : invitation.brands.map((brand) => brand.name).join(', ') || 'None yet';
  $('brands').hidden = $('brands-label').hidden = signingUp;
  $('until').textContent = new Date(invitation.expires_at).toLocaleString([], {
    day: 'numeric', month: 'long', year: 'numeric', hour: 'numeric', minute: '2-digit', timeZoneName: 'short',
  });
  $('first_name').value = invitation.first_name;
  $('last_name').value = invitation.last_name;
  $('password').value = '';
  $('names').hidden = existing;
  $('password').autocomplete = existing ? 'current-password' : 'new-password';
  $('password-label').textContent = existing ? 'Your password' : 'Choose a password';
  $('password-hint').textContent = existing
    ? 'You have a password here already: accept with that one.'
    : `At least ${shortest} characters. A few words in a row are easy to remember.`;
  $('accept').textContent = signingUp ? 'Confirm' : 'Accept';
  $('decline').textContent = signingUp ? 'This was not me' : 'Decline';
  $('form').dataset.existing = existing ? 'yes' : '';
  $('form').dataset.company = company;
  mark({});
  show('invitation', $('heading'));
}

// Says what is wrong with which field, and nothing of the others.
function mark(errors) {
  for (const field of [...FIELDS, 'form']) {
    $(`${field}-error`).textContent = errors[field] || '';
    if (field !== 'form') $(field).setAttribute('aria-invalid', errors[field] ? 'true' : 'false');
  }
  const first = FIELDS.find((field) => errors[field]);
  if (first) $(first).focus();
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

$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  busy(async (current) => {
    mark({});
    const body = { password: $('password').value };
    if (!$('form').dataset.existing) {
      body.first_name = $('first_name').value;
      body.last_name = $('last_name').value;
    }
    const { ok, answer, problem } = await call('accept', body, { 'Idempotency-Key': key });
    if (!current()) return;
    if (ok) {
      const state = {
        email: answer.member.email, company: $('form').dataset.company, dropped: answer.dropped_brands.length,
      };
      // a used token has no business in the browser's history
      history.replaceState({ joined: state }, '', location.pathname);
      joined(state);
      return;
    }
    if (endedBy(problem)) return;
    const errors = {};
    for (const { pointer, detail } of problem.errors || []) errors[pointer.slice(1)] = sentence(detail);
    if (problem.code === 'unauthenticated') errors.password = sentence(problem.detail);
    if (!FIELDS.some((field) => errors[field])) errors.form = explain(problem);
    mark(errors);
  });
});

for (const field of FIELDS) {
  // what is being mended is not marked any more
  $(field).addEventListener('input', () => {
    $(`${field}-error`).textContent = $('form-error').textContent = '';
    $(field).setAttribute('aria-invalid', 'false');
  });
}

async function decline(current, complain) {
  const { ok, problem } = await call('decline');
  if (!current()) return;
  if (ok) over(signingUp ? CANCELLED : OVER['invitation-declined']);
  else if (!endedBy(problem)) complain(explain(problem));
}

$('decline').addEventListener('click', () => busy(async (current) => {
  mark({});
  const question = signingUp ? 'Cancel the sign-up of this organization?' : 'Decline this invitation?';
  if (confirm(question)) await decline(current, (words) => mark({ form: words }));
}));

$('refuse').addEventListener('click', () => busy(async (current) => {
  $('over-error').textContent = '';
  await decline(current, (words) => { $('over-error').textContent = words; });
}));

$('renew').addEventListener('click', () => busy(async (current) => {
  $('over-error').textContent = '';
  const { ok, problem } = await call('renew');
  if (!current()) return;
  if (ok) over(['A fresh link is on its way', 'It goes to the address that was invited. Open the link in that email.']);
  else if (!endedBy(problem)) $('over-error').textContent = explain(problem);
}));

$('again').addEventListener('click', start);
$('show').addEventListener('change', () => { $('password').type = $('show').checked ? 'text' : 'password'; });
// another link opened in this tab changes nothing but the fragment
window.addEventListener('hashchange', start);

start();
