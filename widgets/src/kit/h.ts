// What JSX becomes: `build.mjs` puts these names into scope wherever there are elements.
export { Fragment as _F, h as _h } from "preact";
