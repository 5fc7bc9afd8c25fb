/** The pages that a person sees who signs in. Plain HTML with its style inside; no script, nothing loaded from elsewhere. */

/** The page that asks. Its forms post `decision`, and maybe `user`, to the page's own address. */
export function consentPage(connectionName: string, accounts: readonly string[]): string {
  const list = accounts.map((account) => `<li>${escapeHtml(account)}</li>`).join('');
  return document(
    'Sandbox sign-in',
    `<p class="who">Sandbox sign-in, standing in for LinkedIn</p>
    <h1>Allow Polytomic to use LinkedIn Ads?</h1>
    <p>Its connection “${escapeHtml(connectionName)}” will be able to read your ad accounts, and to create and fill audiences
    in them:</p>
    <ul>${list}</ul>
    <form method="post">
      <button class="allow" name="decision" value="allow">Allow</button>
      <button name="decision" value="deny">Deny</button>
    </form>
    <form method="post">
      <input type="hidden" name="decision" value="allow">
      <button name="user" value="no-accounts">Allow as a user without ad accounts</button>
    </form>
    <p class="note">No real account is involved. Nothing leaves this machine.</p>`,
  );
}

/** What is shown in the end when there is nowhere to go on to, or when the link does not work. */
export function closingPage(heading: string, text: string): string {
  return document(
    heading,
    `<p class="who">Sandbox sign-in, standing in for LinkedIn</p><h1>${escapeHtml(heading)}</h1><p>${escapeHtml(text)}</p>`,
  );
}

/** Text for HTML, in content and in quoted attributes. */
function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

function document(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>
:root { color-scheme: light dark; --ink: #1d2226; --page: #f3f2ef; --card: #ffffff; --line: #c9ced3; --blue: #0a5fb4; --soft: #56626d; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eef1f4; --page: #16191c; --card: #22272b; --line: #454d55; --blue: #7ab8f5; --soft: #a9b4be; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
main { width: min(30rem, 100%); padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  overflow-wrap: anywhere; }
main > :last-child { margin-bottom: 0; }
h1 { margin: 0 0 1rem; font-size: 1.4rem; line-height: 1.3; text-wrap: balance; }
.who, .note { margin: 0 0 1rem; color: var(--soft); font-size: .875rem; }
.note { margin-top: 1.25rem; }
ul { margin: 0 0 1.5rem; padding-left: 1.25rem; }
form + form { margin-top: .75rem; }
form { display: flex; flex-wrap: wrap; gap: .75rem; }
button { flex: 1 1 8rem; padding: .7rem 1rem; font: inherit; font-weight: 600; color: var(--ink); background: transparent;
  border: 1px solid var(--soft); border-radius: 999px; cursor: pointer; }
button.allow { color: var(--card); background: var(--blue); border-color: var(--blue); }
button:hover { filter: brightness(1.1); }
button:focus-visible { outline: 3px solid var(--blue); outline-offset: 3px; }
</style>
</head>
<body><main>${body}</main></body>
</html>
`;
}
