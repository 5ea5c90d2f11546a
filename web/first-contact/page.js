/**
 * Scripts for the page on plain HTTP. They tell the service this device's time, recognise an iPad that claims to be a Mac, and
 * test whether this browser trusts the service. Without scripts the rest of the page still works.
 *
 * This script is not a module, so that the oldest browsers that show this page can run it, too.
 */

(function firstContact() {
  const { body } = document;
  const https = body.dataset['https'] || '';
  const said = /** @type {HTMLElement} */ (document.getElementById('checked'));
  const again = /** @type {HTMLButtonElement} */ (document.getElementById('check'));
  let isChecking = false;

  const words = {
    unknown: 'Checking…',
    yes: 'It worked: this browser opens Synthwire without a warning. Press Listen now.',
    no: 'Not yet: this browser would still show its warning.',
  };

  /** @param {'unknown' | 'yes' | 'no'} trusted */
  function say(trusted) {
    body.dataset['trusted'] = trusted;
    said.dataset['trusted'] = trusted;
    said.textContent = words[trusted];
  }

  /** A page cannot learn why a connection failed. But the device is certainly there, because it has just served this page. */
  function check() {
    if (isChecking) return;
    isChecking = true;
    again.hidden = false;
    const done = (/** @type {'yes' | 'no'} */ trusted) => {
      isChecking = false;
      say(trusted);
    };
    fetch(`${https}/trust/check`, { mode: 'cors', cache: 'no-store', credentials: 'omit' })
      .then((answer) => done(answer.ok ? 'yes' : 'no'), () => done('no'));
  }

  /** An iPad claims to be a Mac, but no Mac has more than one touch point. */
  function knowAnIPad() {
    if (body.dataset['browser'] !== 'safari' || navigator.maxTouchPoints < 2) return;
    body.dataset['browser'] = 'ios';
    for (const [system, open] of /** @type {[string, boolean][]} */ ([['mac', false], ['ios', true]])) {
      /** @type {HTMLDetailsElement} */ (document.getElementById(system)).open = open;
    }
  }

  knowAnIPad();
  if (location.protocol === 'https:') {
    // The open page shows that encryption works; only the user knows whether a warning came before it.
    said.textContent = 'This page has come over HTTPS: if no warning came before it, it worked.';
    return;
  }
  again.addEventListener('click', () => {
    say('unknown');
    check();
  });
  // The user may come back from the settings, where trust can change.
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') check();
  });
  // Report this device's time: a service without a clock then makes a certificate that is valid on this device's date.
  fetch(`trust/clock?unix_s=${Math.floor(Date.now() / 1000)}`, { method: 'POST' }).then(check, check);
}());
