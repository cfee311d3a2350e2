// The page behind the emailed links of a new address: the one that confirms it, and the one that takes the old one back.
// Opening one changes nothing, since what looks through mails opens links too. common.js comes first.
'use strict';

// What each link asks (heading, text, button), and says once it did that, is over, or its address is taken.
const LINKS = {
  confirm: {
    question: [
      'Use this address from now on?',
      'The address that this link was mailed to becomes the one that you sign in with. Your old address gets a mail about it.',
      'Use this address',
    ],
    done: (email) => ['Your address is changed', `It is ${email} now. Sign in with it from now on.`],
    over: 'A link works once, for an hour, and only until the password or the address of the account is changed otherwise. If you have used it already, sign in with the new address; else change your address once more where you work with your team, and another link comes.',
    taken: 'Somebody else has this address by now, or it is invited to one of your teams. Nothing was changed. Choose another address, or have that invitation taken back and try again.',
  },
  undo: {
    question: [
      'Take your old address back?',
      'The address that this link was mailed to becomes the one that you sign in with again. Every device is signed out, the password can’t be used any more, and a mail with a link to choose another one comes to this address.',
      'Take it back',
    ],
    done: (email) => ['Look in your mailbox', `You sign in with ${email} again. Every device was signed out, and a mail with a link to choose a new password is on its way there. Nothing after a few minutes? Look among the spam, or ask for another one here.`],
    over: 'A link takes an address back once, and for seven days. If you have used it already, choose a new password here; else tell an admin of your team, or who runs the service, that your address was changed.',
    taken: 'Somebody else has your old address by now, and nothing was changed. Tell an admin of your team, or who runs the service, that it was taken from you.',
  },
};
const INCOMPLETE = ['This link is not complete', 'Open the link in the email again, or copy all of it.'];

let link = ''; // which of the two
let token = '';
let key = ''; // of the change, so that trying again after a lost answer says what became of it

SAID['email-in-use'] = () => LINKS[link].taken;

function over([heading, text], { go = '', reset = false } = {}) {
  $('over-heading').textContent = heading;
  $('over-text').textContent = text;
  $('go').hidden = !go;
  if (go) $('go').href = go;
  $('reset').hidden = !reset;
  show('over', $('over-heading'));
}

// Kept with the place in the browser's history, so that reloading and coming back say so too.
function changed({ by, email }) {
  const undone = by === 'undo';
  over(LINKS[by].done(email), { go: undone ? '' : APP, reset: undone });
}

function start() {
  another();
  link = (location.hash.match(/^#(confirm|undo)\./) || [])[1] || '';
  token = readToken(43);
  key = newKey();
  if (!token && history.state?.changed) return changed(history.state.changed);
  if (!link || !/^[\w-]{43}$/.test(token)) return over(INCOMPLETE);
  const [heading, text, button] = LINKS[link].question;
  $('heading').textContent = heading;
  $('lead').textContent = text;
  $('yes').textContent = button;
  mark($('form'), {});
  show('question', $('heading'));
}

onSubmit($('form'), async (current) => {
  const by = link;
  const isDone = (answer) => answer.email;
  const { ok, answer, problem } = await post(`/v1/email-changes/${by}`, { token }, isDone, { 'Idempotency-Key': key });
  if (!current()) return;
  if (ok) {
    const state = { by, email: answer.email };
    // a used token has no business in the browser's history
    history.replaceState({ changed: state }, '', location.pathname);
    changed(state);
  } else if (problem.code === 'not-found') over(['This link is over', LINKS[by].over], { reset: by === 'undo' });
  else refuse($('form'), problem);
});

// another link opened in this tab changes nothing but the fragment
window.addEventListener('hashchange', start);

start();
