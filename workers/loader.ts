import { type LoaderTask, runLoaderTask } from '../lib/store/loader-thread.js'

export default (task: LoaderTask): Promise<unknown> => runLoaderTask(task)
