/** What the bundler takes out of the program and into `app.css`. */
declare module '*.css'
