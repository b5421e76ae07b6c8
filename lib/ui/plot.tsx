import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'

interface PlotProps {
  /** What it shows, for whoever does not see it. */
  readonly label: string
  /** Times, then a line each. */
  readonly data: (number | null)[][]
  /** The number of each line's colour. */
  readonly colours: readonly number[]
  readonly text: (value: number) => string
  /** How high the scale is at least: what is idle has one, too, with marks that can be told apart. */
  readonly leastTop: number
}

const HEIGHT = 190
const COLOURS = 8

/** Lines over time. The table beside it says which is which, and what they are now. */
export function Plot({ label, data, colours, text, leastTop }: PlotProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const latest = useRef(data)
  latest.current = data
  const shape = colours.join()
  // `shape` is what `colours` say; data come in below.
  useEffect(() => {
    const element = box.current!
    const draw = () => {
      plot.current?.destroy()
      const options = optionsFor(element.clientWidth, { colours, text, leastTop })
      plot.current = new uPlot(options, latest.current as uPlot.AlignedData, element)
    }
    draw()
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', draw)
    const sizes = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }))
    sizes.observe(element)
    return () => {
      scheme.removeEventListener('change', draw)
      sizes.disconnect()
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [shape, text, leastTop])
  useEffect(() => plot.current?.setData(data as uPlot.AlignedData), [data])
  return <div class="plot" role="img" aria-label={label} ref={box} />
}

function optionsFor(width: number, { colours, text, leastTop }: Omit<PlotProps, 'label' | 'data'>): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const value = (name: string) => style.getPropertyValue(name).trim()
  const axis = { stroke: value('--quiet'), font: '12px system-ui, sans-serif', ticks: { show: false } }
  const grid = { stroke: value('--line'), width: 1 }
  return {
    ...{ width, height: HEIGHT, legend: { show: false }, cursor: { show: false }, padding: [10, 24, 0, 0] },
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(max * 1.1, leastTop)] } },
    series: [{}, ...colours.map((colour) => lineOf(value(`--series-${colour % COLOURS}`), colour))],
    axes: [
      { ...axis, grid: { show: false }, size: 30, space: 80, values: (_, times) => times.map(timeOfDay) },
      { ...axis, grid, size: 64, space: 34, values: (_, values) => values.map(text) },
    ],
  }
}

/** Beyond as many lines as there are colours, they are dashed. */
function lineOf(stroke: string, colour: number): uPlot.Series {
  const dash = Math.floor(colour / COLOURS)
  return { stroke, width: 1.75, points: { show: false }, ...(dash === 0 ? {} : { dash: [2 + 3 * dash, 3] }) }
}

function timeOfDay(seconds: number): string {
  return new Date(1000 * seconds).toLocaleTimeString('en-GB')
}
