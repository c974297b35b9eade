// Choices of the user that this browser keeps, such as the columns of a table.

const PREFIX = "satchel.";

/** Returns a kept value, or the default. */
export function kept(name, otherwise) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // A browser can forbid storage. Then the choice holds until the page is left.
  }
}
