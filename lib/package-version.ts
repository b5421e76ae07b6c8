import packageJson from '../package.json' with { type: 'json' }

/** Of this package, as it was published. */
export const PACKAGE_VERSION: string = packageJson.version
