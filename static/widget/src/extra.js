/** What the chat loads only where it is wanted: files beside it, which are built together and have one digest in their names. */

/** @param {{ host?: string }} options @param {string} name */
export const extra = ({ host }, name) => import(`${host}/static/widget/js/${name}-${EXTRAS}.js`);
