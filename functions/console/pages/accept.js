// The page behind the emailed link. The token stands in the URL's fragment, which browsers send nowhere; it goes to the
// API in request bodies only. Everything that is shown is set as text, never as markup.
'use strict';

const $ = (id) => document.getElementById(id);
const token = location.hash.slice(1);

const ROLES = {
  owner: 'Owner', admin: 'Admin', member: 'Member', sales_rep: 'Sales rep', partner: 'Outside partner',
};

// What an invitation that is over says, by the problem's code.
const OVER = {
  'not-found': ['This link is not valid', 'Open the link in the newest email again, or ask who invited you to send it again.'],
  'invitation-expired': ['This link has expired', 'Links work for a limited time only.'],
  'invitation-revoked': ['This invitation is over', 'It was taken back, or a newer email has replaced it. Look for the newest email, or ask who invited you.'],
  'invitation-declined': ['You declined this invitation', 'If you changed your mind, ask who invited you for a new one.'],
  'invitation-accepted': ['You have accepted already', 'Sign in with your email address and password.'],
};

async function call(verb, body) {
  let response;
  try {
    response = await fetch(`/v1/invitations/${verb}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token, ...body }),
    });
  } catch {
    return { ok: false, problem: { code: 'offline', detail: 'the server can’t be reached, try again in a moment' } };
  }
  const answer = await response.json().catch(() => ({}));
  return response.ok ? { ok: true, answer } : { ok: false, problem: answer };
}

function show(id) {
  for (const section of document.querySelectorAll('section')) section.hidden = section.id !== id;
}

function sentence(text) {
  const full = (text || 'something went wrong, try again in a moment').replaceAll('`', '');
  return `${full[0].toUpperCase()}${full.slice(1)}${/[.!?]$/.test(full) ? '' : '.'}`;
}

function over(heading, text, renewable = false) {
  $('over-heading').textContent = heading;
  $('over-text').textContent = text;
  $('renew').hidden = !renewable;
  document.title = heading;
  show('over');
}

// Shows that the invitation is over, if that is what the problem says.
function endedBy(problem) {
  const words = OVER[problem.code];
  if (!words) return false;
  const renewable = (problem.actions || []).some((action) => action.rel === 'renew');
  over(words[0], words[1], renewable);
  return true;
}

async function start() {
  if (!token) return over(...OVER['not-found']);
  const { ok, answer: invitation, problem } = await call('preview');
  if (!ok) {
    if (!endedBy(problem)) over('This did not work', sentence(problem.detail));
    return;
  }
  const company = invitation.tenant.name;
  const signingUp = invitation.role === 'owner';
  $('heading').textContent = signingUp ? `Confirm ${company}` : `Join ${company}`;
  document.title = $('heading').textContent;
  const { inviter } = invitation;
  $('lead').textContent = signingUp
    ? 'Your address was used to sign this organization up. Confirm it to become its owner.'
    : inviter ? `${inviter.first_name} ${inviter.last_name} invites you to the team.` : 'You are invited to the team.';
  $('email').textContent = invitation.email;
  $('username').value = invitation.email;
  $('role').textContent = ROLES[invitation.role] || invitation.role;
  $('brands').textContent = invitation.brands === 'all'
    ? 'All brands'
    : invitation.brands.map((brand) => brand.name).join(', ') || 'None yet';
  $('brands').hidden = $('brands-label').hidden = signingUp;
  $('until').textContent = new Date(invitation.expires_at).toLocaleString([], { dateStyle: 'long', timeStyle: 'short' });
  $('first_name').value = invitation.first_name;
  $('last_name').value = invitation.last_name;
  $('names').hidden = invitation.existing_user;
  $('password').autocomplete = invitation.existing_user ? 'current-password' : 'new-password';
  $('password-label').textContent = invitation.existing_user ? 'Your password' : 'Choose a password';
  $('password-hint').textContent = invitation.existing_user
    ? 'You have a password here already: accept with that one.'
    : `At least ${invitation.password_min_length} characters. A few words in a row are easy to remember.`;
  $('form').dataset.existing = invitation.existing_user ? 'yes' : '';
  show('invitation');
}

function mark(errors) {
  for (const field of ['first_name', 'last_name', 'password', 'form']) {
    const error = errors[field];
    $(`${field}-error`).textContent = error ? sentence(error) : '';
    if (field !== 'form') $(field).setAttribute('aria-invalid', error ? 'true' : 'false');
  }
}

async function busy(work) {
  const buttons = [...document.querySelectorAll('button')];
  for (const button of buttons) button.disabled = true;
  try {
    await work();
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  busy(async () => {
    mark({});
    const body = { password: $('password').value };
    if (!$('form').dataset.existing) {
      body.first_name = $('first_name').value;
      body.last_name = $('last_name').value;
    }
    const { ok, answer, problem } = await call('accept', body);
    if (ok) {
      // a used token has no business in the browser's history
      history.replaceState(null, '', location.pathname);
      const dropped = answer.dropped_brands.length;
      over('Welcome to the team', `You are in as ${answer.member.email}. Sign in with this address and your password.`
        + (dropped ? ` ${dropped} of the brands you were invited to ${dropped === 1 ? 'is' : 'are'} gone by now.` : ''));
      return;
    }
    if (endedBy(problem)) return;
    const errors = {};
    for (const { pointer, detail } of problem.errors || []) errors[pointer.slice(1)] = detail;
    if (problem.code === 'unauthenticated') errors.password = problem.detail;
    if (Object.keys(errors).length === 0) errors.form = problem.detail;
    mark(errors);
    const first = ['first_name', 'last_name', 'password'].find((field) => errors[field]);
    if (first) $(first).focus();
  });
});

$('decline').addEventListener('click', () => busy(async () => {
  if (!confirm('Decline this invitation?')) return;
  const { ok, problem } = await call('decline');
  if (ok) over(...OVER['invitation-declined']);
  else if (!endedBy(problem)) mark({ form: problem.detail });
}));

$('renew').addEventListener('click', () => busy(async () => {
  const { ok, problem } = await call('renew');
  if (ok) over('A fresh link is on its way', 'It goes to the address that was invited. Open the link in that email.');
  else if (!endedBy(problem)) $('renew-error').textContent = sentence(problem.detail);
}));

$('show').addEventListener('change', () => { $('password').type = $('show').checked ? 'text' : 'password'; });

start();
