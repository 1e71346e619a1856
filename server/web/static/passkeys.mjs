// Passkeys: asks the server what the device is to sign, lets the device sign it, and sends the form with the answer.
// Without this script, or where the browser knows no passkeys, the forms stay hidden and the password remains.

for (const form of document.querySelectorAll("form[data-options]")) {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) continue;
  form.hidden = false;
  const button = form.querySelector("button"), confirms = form.querySelector("[data-confirms]"), alert = form.querySelector("[role=alert]");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const asked = await fetch(form.dataset.options, { method: "POST", body: new URLSearchParams({ password: confirms?.value ?? "" }) });
      if (alert) alert.hidden = asked.status !== 401;
      if (!asked.ok) throw new Error(`HTTP ${asked.status}`);
      const { token, options } = await asked.json();
      const credential = options.rp
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      form.elements.token.value = token;
      form.elements.answer.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch {
      button.disabled = false;
    }
  });
}
