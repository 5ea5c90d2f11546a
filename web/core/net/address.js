/**
 * Where the service's socket is: beside the page, wherever a reverse proxy has put that.
 */

/**
 * @param {{protocol: string, host: string, pathname?: string}} page its own address; without a path it is at the top
 * @returns {string} with the scheme that goes with the page's
 */
export function socketAddress({ protocol, host, pathname = '/' }) {
  const folder = pathname.replace(/[^/]*$/, '');
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}${folder}ws`;
}
