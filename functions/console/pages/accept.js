// The page behind the emailed link of an invitation; common.js comes first.
'use strict';

const LOOKING = 10_000; // milliseconds that a preview may take

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
Object.assign(SAID, {
  'seats-exhausted': () => 'The team has no free place at the moment. Ask who invited you to make one, then try again.',
  'email-in-use': () => 'This address belongs to another organization already. Ask who invited you to invite another address of yours.',
  'access-revoked': ({ detail }) => `You joined before, and your access has ended since: ${detail.replaceAll('`', '')}.`,
  'recipient-suppressed': () => 'Emails to this address came back. Ask who invited you to use another one.',
  'idempotency-mismatch': () => 'It may have worked the first time. Reload this page to see.',
});

let token = '';
let signingUp = false;
let shortest = 0;
let key = ''; // of the acceptance, so that trying again can't join twice

// What the API answers where it did what was asked.
const DONE = {
  preview: (answer) => answer.tenant && answer.password_min_length,
  accept: (answer) => answer.member && answer.dropped_brands,
  decline: (_, status) => status === 204,
  renew: (answer) => answer.delivery,
};

function call(verb, body = {}, headers = {}) {
  const patience = verb === 'preview' ? LOOKING : DOING;
  return post(`/v1/invitations/${verb}`, { token, ...body }, DONE[verb], headers, patience);
}

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
  const link = another();
  signingUp = false;
  token = readToken(86);
  if (!token && history.state?.joined) return joined(history.state.joined);
  if (!token) return over(OVER['not-found']);
  only('loading');
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
  key = newKey();
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
  $('forgot').hidden = !existing;
  $('accept').textContent = signingUp ? 'Confirm' : 'Accept';
  $('decline').textContent = signingUp ? 'This was not me' : 'Decline';
  $('form').dataset.existing = existing ? 'yes' : '';
  $('form').dataset.company = company;
  mark($('form'), {});
  show('invitation', $('heading'));
}

onSubmit($('form'), async (current) => {
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
  if (problem.code === 'unauthenticated') problem.errors = [{ pointer: '/password', detail: problem.detail }];
  refuse($('form'), problem);
});

async function decline(current, complain) {
  const { ok, problem } = await call('decline');
  if (!current()) return;
  if (ok) over(signingUp ? CANCELLED : OVER['invitation-declined']);
  else if (!endedBy(problem)) complain(explain(problem));
}

$('decline').addEventListener('click', () => busy(async (current) => {
  mark($('form'), {});
  const question = signingUp ? 'Cancel the sign-up of this organization?' : 'Decline this invitation?';
  if (confirm(question)) await decline(current, (words) => mark($('form'), { form: words }));
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
// another link opened in this tab changes nothing but the fragment
window.addEventListener('hashchange', start);

start();
