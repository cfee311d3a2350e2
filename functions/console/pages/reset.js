// The page behind the emailed link of a forgotten password; without a link, the one that asks for it. common.js comes first.
'use strict';

// The form that asks for a link: heading, text, button.
const FORGOTTEN = ['Forgot your password?', 'A link to choose a new one comes by email.', 'Send me a link'];
const OVER = [
  'This link is over',
  'A link works once, for an hour, and only until the password is changed otherwise. If you have changed it already, sign in with the new one; else ask for another link.',
  'Send me another link',
];
const SENT = 'If that address has an account here, or an invitation, a mail is on its way. Nothing after a few minutes? Look among the spam, or ask an admin of your team.';

SAID['access-revoked'] = ({ detail }) => sentence(detail);

let token = '';
let tried = ''; // the password that was sent last
let key = ''; // and its key

function ask([heading, text, button]) {
  $('ask-heading').textContent = heading;
  $('ask-text').textContent = text;
  $('send').textContent = button;
  mark($('ask-form'), {});
  show('ask', $('ask-heading'));
}

function done(heading, text, go = '') {
  $('done-heading').textContent = heading;
  $('done-text').textContent = text;
  $('go').hidden = !go;
  if (go) $('go').href = go;
  show('done', $('done-heading'));
}

// Kept with the place in the browser's history, so that reloading and coming back say so too.
function changed() {
  done('Your password is changed', 'Every device was signed out; sign in with the new password.', APP);
}

function start() {
  another();
  token = readToken(43);
  tried = key = $('password').value = '';
  if (!token && history.state?.changed) return changed();
  if (!token) return ask(FORGOTTEN);
  // nobody thinks of a password for a link that was cut short
  if (token.length !== 43) return ask(OVER);
  mark($('form'), {});
  show('choose', $('heading'));
}

onSubmit($('form'), async (current) => {
  const password = $('password').value;
  // By its key an answer that was lost is given again, whatever the password is: another one gets another key, or it
  // would only seem to be set.
  if (!key || password !== tried) key = newKey();
  tried = password;
  const isDone = (_, status) => status === 204;
  const { ok, problem } = await post('/v1/password-resets/confirm', { token, password }, isDone, { 'Idempotency-Key': key });
  if (!current()) return;
  if (ok) {
    // a used token has no business in the browser's history
    history.replaceState({ changed: true }, '', location.pathname);
    changed();
  } else if (problem.code === 'not-found') ask(OVER);
  else refuse($('form'), problem);
});

onSubmit($('ask-form'), async (current) => {
  const isDone = (_, status) => status === 202;
  const { ok, problem } = await post('/v1/password-resets', { email: $('email').value }, isDone);
  if (!current()) return;
  if (ok) done('Look in your mailbox', SENT);
  else refuse($('ask-form'), problem);
});

// another link opened in this tab changes nothing but the fragment
window.addEventListener('hashchange', start);

start();
